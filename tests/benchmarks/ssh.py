"""`ssh SESSION.atoll true` by the hosts that `ssh-config` writes, beside OpenSSH on loopback.

Warm, both go through a connection that is there already; cold, each makes its own, and `atoll ssh`
beside them. Run it on a machine that does nothing else:

    python tests/benchmarks/ssh.py [TIMES]
"""

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import ATOLL, embedded_cluster, openssh_server, program, run, say, wall_time

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SESSION = "bench-ssh"
ALONE = ["-o", "ControlMaster=no", "-o", "ControlPath=none"]


def main() -> None:
    """Measure, where there is a server to measure by."""
    sshd = program("sshd")
    if sshd is None:
        return
    # A short name: the paths of sockets have room for little.
    with tempfile.TemporaryDirectory(prefix="at") as name, embedded_cluster(Path(name)) as environ:
        run([ATOLL, "start", "-t", SESSION, "python"], environ)
        run([ATOLL, "ssh-config", "-F", f"{name}/ours"], environ)
        with openssh_server(sshd, Path(name)) as peer:
            share(peer)
            compare(["ssh", "-F", f"{name}/ours"], ["ssh", "-F", str(peer)], environ)


def share(configuration: Path) -> None:
    """Have the peer's clients share a connection as ours do."""
    with configuration.open("a") as file:
        file.write(f"ControlMaster auto\nControlPath {configuration.parent}/%C\n")
        file.write("ControlPersist 60\n")


def compare(ours: list[str], peers: list[str], environ: Mapping[str, str]) -> None:
    """Print a table: what was run, its median and least time, and the ratio to its peer."""
    session, peer = [f"{SESSION}.atoll", "true"], ["peer", "true"]
    say(f"{'':34}  {'median':>9}  {'least':>9}  {'ratio':>6}")
    warm = show("OpenSSH, warm", measure([*peers, *peer], environ))
    show("SESSION.atoll, warm", measure([*ours, *session], environ), warm)
    cold = show("OpenSSH, cold", measure([*peers, *ALONE, *peer], environ))
    show("SESSION.atoll, cold", measure([*ours, *ALONE, *session], environ), cold)
    show("atoll ssh SESSION", measure([ATOLL, "ssh", SESSION, "true"], environ), cold)
    for ssh, (host, _) in ((ours, session), (peers, peer)):
        run([*ssh, "-O", "exit", host], environ)


def measure(command: Sequence[str], environ: Mapping[str, str]) -> list[float]:
    """Run a command so many times, once more before; returns the seconds that each took."""
    return [wall_time(command, environ) for _ in range(TIMES + 1)][1:]


def show(what: str, times: list[float], base: float | None = None) -> float:
    """Print a line of the table; returns the median."""
    median = statistics.median(times)
    ratio = f"{median / base:5.2f}x" if base else ""
    say(f"{what:34}  {median * 1000:6.1f} ms  {min(times) * 1000:6.1f} ms  {ratio:>6}")
    return median


if __name__ == "__main__":
    main()
