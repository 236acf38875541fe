"""An embedded cluster of a test's own, and the program to speak to it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

BIN = Path(sys.executable).parent


@frozen
class Installed:
    """The installed program, with a home of its own."""

    home: Path

    def environ(self) -> dict[str, str]:
        """The environment that a user would have."""
        left_out = ("BACKEND_", "ATOLL_", "COLUMNS", "LINES")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
        return {**kept, "ATOLL_HOME": str(self.home), "LC_ALL": "C.UTF-8"}

    def program(self, name: str = "atoll") -> Path:
        """Where the program is."""
        return BIN / name

    def run(self, *arguments: str, stdin: str = "", program: str = "atoll", timeout: float = 60):
        """Run it to its end."""
        return subprocess.run(
            [self.program(program), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environ(),
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start it, with pipes for its output."""
        return subprocess.Popen(
            [self.program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environ(),
        )

    def kill_cluster(self) -> None:
        """Kill the cluster's program, as a crash would."""
        server = json.loads((self.home / "data" / "local" / "server.json").read_text())
        os.kill(server["pid"], signal.SIGKILL)


@pytest.fixture
def atoll(tmp_path: Path) -> Iterator[Installed]:
    """The program in an empty home; its cluster is stopped afterwards."""
    installed = Installed(tmp_path / "home")
    yield installed
    installed.run("local", "down")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The same for all tests of a module: for those that mind only sessions of their own."""
    installed = Installed(tmp_path_factory.mktemp("shared") / "home")
    yield installed
    installed.run("local", "down")
