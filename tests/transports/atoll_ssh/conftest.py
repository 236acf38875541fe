"""A bastion: OpenSSH's own server on loopback, and who uses it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define
from tests.sshd import Sshd, make_user, servers


@pytest.fixture
def make_sshd(tmp_path: Path, needs) -> Iterator[Callable[[], Sshd]]:
    """Return the function that makes a server, not yet started."""
    needs("sshd", "bwrap")
    with servers(tmp_path) as make:
        yield make


@pytest.fixture
def user_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home with a key in `.ssh`, and nothing of the environment's own SSH."""
    home = tmp_path / "user"
    make_user(home)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return home


@pytest.fixture(autouse=True, params=["openssh", "builtin"])
def carrier(request, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which program carries the connections."""
    monkeypatch.setenv("ATOLL_SSH_CLIENT", request.param)
    return request.param


@pytest.fixture
def bastion(make_sshd, user_home: Path) -> Sshd:
    """A running server that lets the user in, and that the user does not know yet."""
    sshd = make_sshd()
    sshd.authorize(user_home / ".ssh" / "id_ed25519.pub")
    sshd.start()
    return sshd


@pytest.fixture
def known_bastion(bastion: Sshd, user_home: Path) -> Sshd:
    """The same, known to the user."""
    line = f"[127.0.0.1]:{bastion.port} {bastion.host_key}\n"
    (user_home / ".ssh" / "known_hosts").write_text(line)
    return bastion


def logins(sshd: Sshd) -> int:
    """Count the logins by key at a server."""
    return sshd.log.count("Accepted publickey")


@define
class Agent:
    """A running ssh-agent."""

    environ: dict[str, str]

    def add(self, key: Path) -> None:
        """Hand it a key."""
        subprocess.run(["ssh-add", "-q", key], env={**os.environ, **self.environ}, check=True)


@pytest.fixture
def ssh_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    """An agent without keys, which the environment names."""
    path = tmp_path / "agent"
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    yield Agent({"SSH_AUTH_SOCK": str(path)})
    process.kill()
    process.wait()
    process.stdout.close()
