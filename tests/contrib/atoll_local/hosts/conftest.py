"""Another machine: OpenSSH's server on loopback, where the user has another home."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import frozen
from tests.laptop import BIN, Laptop
from tests.sshd import Sshd, make_user, servers


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
            laptop = Laptop(tmp_path_factory.mktemp("near"), "box")
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
