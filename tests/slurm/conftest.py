"""A site with Slurm, reached by the SSH of its login node and by nothing else.

`REALSLURM_SSH_CONFIG` names the `ssh_config` that knows it as `site`, and the one of
`REALSLURM_SSH_CONFIG_BOB` leads another user there.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.laptop import Laptop

_CONFIG, _ANOTHER = "REALSLURM_SSH_CONFIG", "REALSLURM_SSH_CONFIG_BOB"


def user(home: Path, config: str) -> Laptop:
    """Make the laptop of a user of the site."""
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copy(os.environ[config], home / ".ssh/config")
    return Laptop(home, "site")


@pytest.fixture
def another(tmp_path) -> Laptop:
    """Another user of the same site."""
    return user(tmp_path, _ANOTHER)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory) -> Iterator[Laptop]:
    """A laptop with nothing on it but atoll; the login node has atoll from it, until the end."""
    made = user(tmp_path_factory.mktemp("laptop"), _CONFIG)
    made.must("host install site")
    yield made
    made.must("host remove site --yes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, and skip them where there is no site."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            if _CONFIG not in os.environ:
                item.add_marker(pytest.mark.skip(reason=f"{_CONFIG} names no site"))
