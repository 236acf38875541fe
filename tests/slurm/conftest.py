"""A site with Slurm, reached by the SSH of its login node and by nothing else.

`REALSLURM_SSH_CONFIG` names the `ssh_config` that knows it as `site`, and the one of
`REALSLURM_SSH_CONFIG_BOB` leads another user there.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.laptop import Laptop
from tests.slurm.site import INSTALLED, Site

_CONFIG, _ANOTHER = "REALSLURM_SSH_CONFIG", "REALSLURM_SSH_CONFIG_BOB"


def laptop_at(home: Path, config: Path) -> Laptop:
    """Make the laptop of a user of a site."""
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copy(config, home / ".ssh/config")
    return Laptop(home, "site")


def user(home: Path, config: str) -> Laptop:
    """Make the laptop of a user of the site."""
    return laptop_at(home, Path(os.environ[config]))


@pytest.fixture
def another(tmp_path) -> Laptop:
    """Another user of the same site."""
    return user(tmp_path, _ANOTHER)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory) -> Iterator[Laptop]:
    """A laptop with nothing on it but atoll; the login node has atoll from it, until the end."""
    made = user(tmp_path_factory.mktemp("laptop"), _CONFIG)
    made.must("host install --apps site")
    yield made
    made.must("host remove site --yes")


@pytest.fixture(scope="session")
def site() -> Site:
    """The site, for what its operators do to it."""
    return Site.given()


@pytest.fixture(scope="module")
def lab(laptop) -> Laptop:
    """The laptop with a profile for the site's Slurm, which is then the one in use."""
    laptop.ssh(f"{INSTALLED}/current/bin/atoll local down")
    laptop.must("profile add lab --host site --engine slurm")
    laptop.must("profile use lab")
    return laptop


@pytest.fixture
def session(lab) -> Iterator[str]:
    """A session that runs, and that is gone afterwards."""
    name = f"s{uuid4().hex[:8]}"
    lab.must(f"start -t {name} python")
    yield name
    lab.run(f"rm -f {name}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests here, and skip them where there is no site."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slurm)
            if _CONFIG not in os.environ:
                item.add_marker(pytest.mark.skip(reason=f"{_CONFIG} names no site"))
