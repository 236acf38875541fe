"""Another machine: OpenSSH's server on loopback, where the user has another home."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen
from tests.sshd import Sshd, make_user, servers

BIN = Path(sys.executable).parent
_LEFT_OUT = ("BACKEND_", "ATOLL_", "XDG_", "SSH_", "COLUMNS", "LINES")


@frozen
class Laptop:
    """The near side: a home of its own, from which `ssh box` reaches the machine."""

    home: Path

    def run(self, script: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run lines of atoll to their end, or one of them that reads what is piped into it."""
        words = [] if stdin is None else ["-c", script]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_LEFT_OUT)}
        return subprocess.run(
            [BIN / "atoll", *words],
            input=script if stdin is None else stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env={**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8"},
        )

    def must(self, script: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run lines that succeed."""
        ended = self.run(script, stdin)
        assert ended.returncode == 0, ended.stderr
        return ended

    def ssh(self, command: str) -> None:
        """Run a command at the machine by OpenSSH."""
        ssh = ["ssh", "-F", self.home / ".ssh/config", "box", command]
        subprocess.run(ssh, check=True, capture_output=True, timeout=60)


@frozen
class Box:
    """The far side; `home` is that of its user."""

    sshd: Sshd
    home: Path

    @property
    def installations(self) -> Path:
        """Where `host install` puts atoll."""
        return self.home / ".local/share/atoll/host"


@pytest.fixture(scope="module")
def make_box(tmp_path_factory, needs) -> Iterator[Callable[..., tuple[Laptop, Box]]]:
    """Return the function that makes a machine, its sshd with more options if need be, and a laptop
    that knows it as `box`.
    """
    needs("sshd", "bwrap")
    folder = tmp_path_factory.mktemp("ssh")
    with servers(folder) as make:

        def make_both(*options: str, path: str = f"{BIN}:{os.environ['PATH']}"):
            sshd, home = make(), tmp_path_factory.mktemp("far")
            laptop = Laptop(tmp_path_factory.mktemp("near"))
            sshd.authorize(make_user(laptop.home))
            sshd.options += [f"SetEnv HOME={home} PATH={path} ATOLL_LOCAL_SANDBOX=auto", *options]
            sshd.start()
            (laptop.home / ".ssh/known_hosts").write_text(f"box {sshd.host_key}\n")
            (laptop.home / ".ssh/config").write_text(
                f"Host box\n HostName 127.0.0.1\n Port {sshd.port}\n HostKeyAlias box\n"
                f" UserKnownHostsFile {laptop.home}/.ssh/known_hosts\n"
                f" IdentityFile {laptop.home}/.ssh/id_ed25519\n"
            )
            return laptop, Box(sshd, home)

        # All that was started at a server ends with it, in the process namespace that it has.
        yield make_both
