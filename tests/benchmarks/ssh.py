"""`ssh SESSION.atoll true` by the hosts that `ssh-config` writes, beside OpenSSH on loopback.

Warm, both go through a connection that is there already; cold, each makes its own, and `atoll ssh`
beside them. Run it on a machine that does nothing else:

    python tests/benchmarks/ssh.py [TIMES]
"""

import getpass
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ATOLL = Path(sys.executable).with_name("atoll")
TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SESSION = "bench-ssh"
ALONE = ["-o", "ControlMaster=no", "-o", "ControlPath=none"]


def main() -> None:
    """Print a table: what was run, its median and least time, and the ratio to its peer."""
    with tempfile.TemporaryDirectory(prefix="at") as name:
        folder = Path(name)
        with session(folder) as environ, server(folder) as peer:
            run([ATOLL, "ssh-config", "-F", folder / "ours"], environ)
            ours = ["ssh", "-F", folder / "ours"]
            warm, host = [*ours, f"{SESSION}.atoll"], ["ssh", "-F", peer, "peer"]
            say(f"{'':34}  {'median':>9}  {'least':>9}  {'ratio':>6}")
            base = show("OpenSSH, warm", measure([*host, "true"], environ))
            show("SESSION.atoll, warm", measure([*warm, "true"], environ), base)
            cold = show("OpenSSH, cold", measure([*host[:3], *ALONE, "peer", "true"], environ))
            alone = [*ours, *ALONE, f"{SESSION}.atoll", "true"]
            show("SESSION.atoll, cold", measure(alone, environ), cold)
            show("atoll ssh SESSION", measure([ATOLL, "ssh", SESSION, "true"], environ), cold)
            for command in (warm, host):
                subprocess.run([*command[:3], "-O", "exit", command[3]], capture_output=True)


@contextmanager
def session(folder: Path) -> Iterator[dict[str, str]]:
    """Start an embedded cluster with a session; yields the environment to use it in."""
    environ = {**os.environ, "ATOLL_HOME": str(folder / "atoll")}
    run([ATOLL, "start", "-t", SESSION, "python"], environ)
    try:
        yield environ
    finally:
        run([ATOLL, "local", "down"], environ)


@contextmanager
def server(folder: Path) -> Iterator[Path]:
    """Run OpenSSH's server on loopback; yields the configuration in which it is called `peer`."""
    for key in ("host", "user"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], {**os.environ})
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"HostKey": folder / "host", "AuthorizedKeysFile": folder / "user.pub", "Port": port}
    settings |= {"ListenAddress": "127.0.0.1", "StrictModes": "no", "PidFile": "none"}
    # An empty home, as a session has one: what the user's own shell reads at its start is slow.
    settings["SetEnv"] = f"HOME={folder}"
    options = [f"-o{name}={value}" for name, value in settings.items()]
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or sys.exit("no sshd here")
    process = subprocess.Popen([sshd, "-D", "-f", "/dev/null", *options], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield client(folder, port)
    finally:
        process.kill()
        process.wait()


def client(folder: Path, port: int) -> Path:
    """Write the configuration of a client that shares its connection as ours does."""
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"* {key}\n")
    lines = [f"HostName 127.0.0.1\nPort {port}\nUser {getpass.getuser()}"]
    lines += [f"IdentityFile {folder / 'user'}\nIdentitiesOnly yes"]
    lines += [f"UserKnownHostsFile {folder / 'known'}\nStrictHostKeyChecking yes"]
    lines += [f"ControlMaster auto\nControlPath {folder}/%C\nControlPersist 60"]
    (folder / "peer").write_text("\n".join(["Host peer", *lines, ""]))
    return folder / "peer"


def wait_for(port: int) -> None:
    """Return when something listens at the port."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
    sys.exit("sshd does not listen")


def measure(command: Sequence[str | Path], environ: dict[str, str]) -> list[float]:
    """Run a command so many times, once more before; returns the seconds that each took."""
    times = []
    for _ in range(TIMES + 1):
        begin = time.perf_counter()
        run(command, environ)
        times.append(time.perf_counter() - begin)
    return times[1:]


def run(command: Sequence[str | Path], environ: dict[str, str]) -> None:
    """Run a command, which must succeed. Its errors go to a file, as a connection that goes on in
    the background would keep a pipe open.
    """
    with tempfile.TemporaryFile() as errors:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": errors}
        if subprocess.run(command, env=environ, **streams).returncode:
            errors.seek(0)
            sys.exit(f"{' '.join(map(str, command))}: {errors.read().decode()}")


def show(what: str, times: list[float], base: float | None = None) -> float:
    """Print a line of the table; returns the median."""
    median = statistics.median(times)
    ratio = f"{median / base:5.2f}x" if base else ""
    say(f"{what:34}  {median * 1000:6.1f} ms  {min(times) * 1000:6.1f} ms  {ratio:>6}")
    return median


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
