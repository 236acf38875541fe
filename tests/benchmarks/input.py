"""What is piped into a command in a session, beside OpenSSH into the same session: `wc -l` of it.

Both start here, connect, and end with the command. OpenSSH goes through a connection that is there
already (warm), or makes its own as `atoll run` does (cold). Run it on a machine that does nothing
else:

    python tests/benchmarks/input.py [TIMES]
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import ATOLL, embedded_cluster, program, run, say

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SESSION = "bench-input"
ALONE = ["-o", "ControlMaster=no", "-o", "ControlPath=none"]
INPUTS = {"100,000 lines": ["seq", "1", "100000"], "64 MiB": ["head", "-c", "64M", "/dev/zero"]}


def main() -> None:
    """Print a table: what was piped, the median and least time of each, and the ratio."""
    if program("ssh") is None:
        return
    # A short name: the paths of sockets have room for little.
    with tempfile.TemporaryDirectory(prefix="at") as name, embedded_cluster(Path(name)) as environ:
        run([ATOLL, "start", "-t", SESSION, "python"], environ)
        run([ATOLL, "ssh-config", "-F", f"{name}/ours"], environ)
        ssh = ["ssh", "-F", f"{name}/ours"]
        target = [f"{SESSION}.atoll", "wc -l"]
        warm, cold = [*ssh, *target], [*ssh, *ALONE, *target]
        ours = [ATOLL, "run", "-q", "-t", SESSION, "--exec", "wc -l", "python"]
        say(f"{'':30}  {'median':>9}  {'least':>9}  {'ratio':>6}")
        for what, source in INPUTS.items():
            data = subprocess.run(source, stdout=subprocess.PIPE, check=True).stdout
            times = measure([warm, cold, ours], data, environ)
            show(f"{what} | ssh, warm", times[0])
            base = show(f"{what} | ssh, cold", times[1])
            show(f"{what} | atoll run", times[2], base)
        run([*ssh, "-O", "exit", target[0]], environ)


def measure(
    commands: Sequence[Sequence[str]], data: bytes, environ: Mapping[str, str]
) -> list[list[float]]:
    """Pipe data into each in turn, so many times; returns the seconds that each took."""
    rounds = [[piped(one, data, environ) for one in commands] for _ in range(TIMES + 1)]
    # In the first one, OpenSSH makes the connection for all that follow.
    return [list(times) for times in zip(*rounds[1:], strict=True)]


def piped(command: Sequence[str], data: bytes, environ: Mapping[str, str]) -> float:
    """Pipe data into a program, which has to count its lines; returns how long that took."""
    began = time.perf_counter()
    # It says to a file what it does: a connection that stays would keep a pipe open.
    with tempfile.TemporaryFile() as told:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, env=environ, stdin=pipe, stdout=pipe, stderr=told
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(data)
            process.stdin.close()
            count = process.stdout.readline()
        if process.returncode or int(count) != data.count(b"\n"):
            sys.exit(f"{' '.join(command[:4])} has counted {count!r}")
    return time.perf_counter() - began


def show(what: str, times: list[float], base: float | None = None) -> float:
    """Print a line of the table; returns the median."""
    median = statistics.median(times)
    ratio = f"{median / base:5.2f}x" if base else ""
    say(f"{what:30}  {median * 1000:6.1f} ms  {min(times) * 1000:6.1f} ms  {ratio:>6}")
    return median


if __name__ == "__main__":
    main()
