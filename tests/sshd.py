"""OpenSSH's own server on loopback, with keys and a host file of a test's own."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from attrs import define, field

HIDDEN = "cluster.internal"
"""A name for 127.0.0.1 that nobody but the bastion knows."""
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
_DEADLINE = 20.0
_STARTS = 3


def keygen(file: Path, *options: str) -> Path:
    """Make a keypair."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file), *options]
    subprocess.run(command, check=True)
    return file


@define
class Sshd:
    """One server. What it is to allow is written to `options` before it starts."""

    folder: Path
    port: int
    options: list[str] = field(factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def via(self) -> str:
        """What a profile's `via` says to go through it."""
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"

    @property
    def host_key(self) -> str:
        """The public half of its key, as a line of known_hosts has it."""
        return " ".join((self.folder / "host.pub").read_text().split()[:2])

    @property
    def log(self) -> str:
        """What it has told."""
        return (self.folder / "log").read_text()

    def authorize(self, public_key: Path) -> None:
        """Let the holder of a key in."""
        with (self.folder / "authorized_keys").open("a") as keys:
            keys.write(public_key.read_text())

    def start(self) -> None:
        """Start it, and wait until it listens."""
        (self.folder / "config").write_text("\n".join([*self._config(), *self.options, ""]))
        # bwrap ends if somebody unmounts a file system of the machine while it takes them over.
        for _ in range(_STARTS):
            self._start_once()
            if self._begins_to_listen():
                return
        pytest.fail(f"sshd does not start: {self.log}")

    def _start_once(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._with_hidden_host(), str(SSHD), "-D", "-e", "-f", self.folder / "config"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """End it, and every connection that it has."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            # The sandbox is gone by now, and what ran in it an instant later.
            while self._listens():
                pass

    def _config(self) -> Iterator[str]:
        (self.folder / "authorized_keys").touch()
        yield "ListenAddress 127.0.0.1"
        yield f"Port {self.port}"
        yield f"HostKey {self.folder / 'host'}"
        yield f"AuthorizedKeysFile {self.folder / 'authorized_keys'}"
        yield "StrictModes no"
        yield "UsePAM no"
        yield "PasswordAuthentication no"
        yield "PidFile none"
        yield "LogLevel VERBOSE"

    def _with_hidden_host(self) -> list[str]:
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {HIDDEN}\n")
        everything = ["--dev-bind", "/", "/", "--ro-bind", str(hosts), "/etc/hosts"]
        # Without a process namespace of its own, connections would outlive the server.
        alone = ["--unshare-pid", "--proc", "/proc", "--die-with-parent"]
        as_root = ["--cap-add", "ALL"] if os.geteuid() == 0 else []
        return ["bwrap", *everything, *alone, *as_root, "--"]

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def _begins_to_listen(self) -> bool:
        deadline = time.monotonic() + _DEADLINE
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            if self._listens():
                return True
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
        return False


@contextmanager
def servers(folder: Path) -> Iterator[Callable[[], Sshd]]:
    """Give the function that makes a server, not yet started; all of them end with this."""
    if os.geteuid() == 0:
        # The system's service makes this folder when it starts, which it may never have.
        Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
    made: list[Sshd] = []

    def make() -> Sshd:
        own = folder / f"sshd-{len(made)}"
        own.mkdir()
        keygen(own / "host")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        made.append(Sshd(own, port))
        return made[-1]

    yield make
    for sshd in made:
        sshd.stop()


def make_user(home: Path) -> Path:
    """Make a user's home with a key in `.ssh`; returns the public half."""
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    keygen(home / ".ssh" / "id_ed25519")
    return home / ".ssh" / "id_ed25519.pub"
