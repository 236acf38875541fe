"""The near side of tests with another machine: a home of its own, with atoll and OpenSSH."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from tests.programs import Program, Running

BIN = Path(sys.executable).parent
_LEFT_OUT = ("BACKEND_", "ATOLL_", "XDG_", "SSH_", "COLUMNS", "LINES")
_PATIENCE = 240

Completed = subprocess.CompletedProcess[str]


@frozen
class Laptop:
    """A home of its own, from which `ssh host` reaches the machine."""

    home: Path
    host: str

    def run(self, script: str, stdin: str | None = None) -> Completed:
        """Run lines of atoll to their end, or one of them that reads what is piped into it."""
        words = [] if stdin is None else ["-c", script]
        return subprocess.run(
            [BIN / "atoll", *words],
            input=script if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=self.environ(),
        )

    def must(self, script: str, stdin: str | None = None) -> str:
        """Run lines that succeed; returns what they write."""
        ended = self.run(script, stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def ssh(self, command: str) -> str:
        """Run a command at the machine that succeeds; returns what it writes."""
        argv = ["ssh", "-F", self.home / ".ssh/config", self.host, command]
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=_PATIENCE)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def program(self, *words: str, cwd: Path | None = None) -> str:
        """Run any program that succeeds; returns what it writes."""
        ended = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env=self.environ(),
            cwd=cwd,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    @contextmanager
    def started(self, *words: str) -> Iterator[Running]:
        """Start a command of atoll; it is killed at the end, should it still run."""
        with Program([str(BIN / "atoll")], self.home, self.environ()).started(*words) as running:
            yield running

    def environ(self) -> dict[str, str]:
        """Return what programs of the laptop are started with."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_LEFT_OUT)}
        path = f"{BIN}:{os.environ['PATH']}"
        return {**kept, "PATH": path, "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
