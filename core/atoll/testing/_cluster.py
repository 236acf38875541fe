"""An embedded cluster for tests, started and stopped by the program."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

from attrs import define, field

_TIMEOUT = 120.0
"""Seconds that a command may take."""


@define
class Cluster:
    """An embedded cluster in a home of its own.

    `environ` holds its endpoint and its administrator's keypair, for `shell.environ`.
    """

    home: Path
    environ: dict[str, str] = field(factory=dict)

    def up(self) -> None:
        """Start it."""
        self.run("local", "up")
        output = self.run("local", "env")
        words = [shlex.split(line) for line in output.splitlines()]
        self.environ = dict(pair[1].split("=", 1) for pair in words if pair[:1] == ["export"])

    def run(self, *words: str) -> str:
        """Run a command of the installed program, such as `run("start", "-t", "mine", "python")`.

        Returns its standard output; raises AssertionError with its standard error if it fails.
        """
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("BACKEND_", "ATOLL_"))}
        done = subprocess.run(
            [sys.executable, "-m", "atoll", *words],
            env={**kept, "ATOLL_HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode:
            output = done.stderr or done.stdout
            raise AssertionError(
                f"atoll {shlex.join(words)}: exit code {done.returncode}\n{output}"
            )
        return done.stdout

    def down(self) -> None:
        """Stop it, and its sessions."""
        self.run("local", "down")
