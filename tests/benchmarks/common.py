"""What the benchmarks share: a cluster of their own, and the peers that atoll is measured by."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ATOLL = str(Path(sys.executable).with_name("atoll"))
RELEASE = "23.9.10"
"""The official client that tunnels and transfers are measured by."""
_DEADLINE = 60.0
"""Seconds that a server gets until it must listen."""


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def program(name: str) -> str | None:
    """Find a program of this machine; says so when it is not there."""
    # Users' PATHs seldom lead to sshd.
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        say(f"{name} is not installed")
    return found


def official_client(release: str) -> str | None:
    """Find an official client that the tests in tests/interop have installed, the last of its
    release; says so when there is none.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    venvs = Path(os.environ.get("ATOLL_INTEROP_VENVS") or cache / "atoll-interop")
    installed = sorted(venvs.glob(f"{release}-*/complete"), key=lambda path: path.stat().st_mtime)
    if not installed:
        say(f"client {release} is not installed: make interop installs it")
        return None
    return str(installed[-1].with_name("bin") / "backend.ai")


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing but PATH is the caller's own."""
    # Without PYTHONDONTWRITEBYTECODE, which would have every start compile everything.
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ATOLL_HOME": str(home / "atoll"),
    }


def run(command: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> str:
    """Run a program, which must succeed, in a folder or at home; returns what it printed."""
    # It prints to files: a connection that stays in the background would keep pipes open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        done = subprocess.run(
            command,
            env=environ,
            cwd=folder or environ["HOME"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        out.seek(0)
        err.seek(0)
        printed, told = (file.read().decode(errors="replace") for file in (out, err))
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} failed: {printed[-300:]}{told[-600:]}")
    return printed


def wall_time(
    command: Sequence[str], environ: Mapping[str, str], folder: Path | None = None
) -> float:
    """Run a program as `run` does; returns the seconds from its start to its end."""
    began = time.perf_counter()
    run(command, environ, folder)
    return time.perf_counter() - began


@contextmanager
def embedded_cluster(home: Path) -> Iterator[dict[str, str]]:
    """Run an embedded cluster that keeps everything below `home`; yields the environment that
    leads every client there.
    """
    environ = plain_environment(home)
    # SIGTERM would end this program and leave the cluster behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        run([ATOLL, "local", "up"], environ)
        settings = run([ATOLL, "local", "env"], environ).splitlines()
        yield environ | dict(line.removeprefix("export ").split("=", 1) for line in settings)
    finally:
        run([ATOLL, "local", "down"], environ)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Whether something takes connections at a port."""
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    environ: Mapping[str, str] | None = None,
    ready: Callable[[int], bool] = listens,
) -> Iterator[int]:
    """Run a server, or what forwards to one, until the block ends; yields its port when it is ready
    there.
    """
    null = subprocess.DEVNULL
    with subprocess.Popen(command, env=environ, stdin=null, stdout=null, stderr=null) as process:
        try:
            deadline = time.monotonic() + _DEADLINE
            while not ready(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{command[0]} does not listen at its port")
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


@contextmanager
def openssh_server(sshd: str, folder: Path) -> Iterator[Path]:
    """Run OpenSSH's server on loopback with keys of its own; yields the configuration of a client
    in which it is called `peer`.
    """
    for key in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]
        run(command, plain_environment(folder), folder)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    port = free_port()
    settings = {"HostKey": folder / "host", "AuthorizedKeysFile": folder / "user.pub", "Port": port}
    settings |= {"ListenAddress": "127.0.0.1", "StrictModes": "no", "PidFile": "none"}
    # An empty home, as a session has one: what the user's own shell reads at its start is slow.
    settings["SetEnv"] = f"HOME={folder}"
    options = [f"-o{name}={value}" for name, value in settings.items()]
    with serving([sshd, "-D", "-f", "/dev/null", *options], port):
        yield _client_configuration(folder, port)


def _client_configuration(folder: Path, port: int) -> Path:
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"* {key}\n")
    lines = ["Host peer", "HostName 127.0.0.1", f"Port {port}", f"User {getpass.getuser()}"]
    lines += [f"IdentityFile {folder / 'user'}", "IdentitiesOnly yes"]
    lines += [f"UserKnownHostsFile {folder / 'known'}", "StrictHostKeyChecking yes"]
    (folder / "peer").write_text("\n".join([*lines, ""]))
    return folder / "peer"
