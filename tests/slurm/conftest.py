"""A site with Slurm, reached by the SSH of its login node and by nothing else.

`REALSLURM_SSH_CONFIG` names the `ssh_config` that knows it as `site`.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

BIN = Path(sys.executable).parent
_CONFIG = "REALSLURM_SSH_CONFIG"
_LEFT_OUT = ("BACKEND_", "ATOLL_", "XDG_", "SSH_", "COLUMNS", "LINES")
_PATIENCE = 240


@frozen
class Laptop:
    """The near side, a home of its own, from which `ssh site` reaches the login node."""

    home: Path

    def environ(self) -> dict[str, str]:
        """Return the environment of its programs."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_LEFT_OUT)}
        return {**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def run(self, line: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a line of atoll to its end."""
        return subprocess.run(
            [BIN / "atoll", "-c", line],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=self.environ(),
        )

    def must(self, line: str, stdin: str = "") -> str:
        """Run a line that succeeds; returns what it writes."""
        ended = self.run(line, stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def ssh(self, command: str) -> str:
        """Run a command at the login node that succeeds; returns what it writes."""
        ended = self.try_ssh(command)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def try_ssh(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command at the login node by OpenSSH."""
        argv = ["ssh", "-F", self.home / ".ssh/config", "site", command]
        return subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE)


@pytest.fixture(scope="session")
def laptop(tmp_path_factory) -> Iterator[Laptop]:
    """A laptop with nothing on it but atoll; the login node has atoll from it, until the end."""
    home = tmp_path_factory.mktemp("laptop")
    (home / ".ssh").mkdir(mode=0o700)
    shutil.copy(os.environ[_CONFIG], home / ".ssh/config")
    made = Laptop(home)
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
