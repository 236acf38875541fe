"""How long a program takes from its start to its end, beside its peers: `make bench`.

Whole processes are timed, in turns (A B A B), so that what else the machine does is shared out
fairly; medians are compared, and what counts is their ratio. The commands that need a cluster all
face the same embedded one, which holds a few sessions.

Peers that are not on this machine are left out, with a word on why.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

SCRIPTS = Path(sys.executable).parent
ATOLL = str(SCRIPTS / "atoll")
PASS = (sys.executable, "-c", "pass")
TARGETS = {"23.9.10": 1 / 3, "26": 1 / 5}
"""What `ps` may take as a share of what that of an official client takes."""
RUNS = 11
SESSIONS = 3
NOISE = 1.25
"""By how much a target may be missed before `--check` minds."""


@frozen(kw_only=True)
class Race:
    """A command, the peer it is measured by, and the most it may take as a share of the peer."""

    name: str
    command: Sequence[str]
    peer_name: str
    peer: Sequence[str]
    target: float


@frozen(kw_only=True)
class Result:
    """Median seconds of both."""

    race: Race
    own: float
    peer: float

    @property
    def ratio(self) -> float:
        """The command's time in times of its peer."""
        return self.own / self.peer

    def row(self) -> str:
        """Return a line of the table."""
        race, met = self.race, "yes" if self.ratio <= self.race.target else "NO"
        return (
            f"{race.name:<15} {self.own * 1000:>7.0f} ms  {race.peer_name:<24}"
            f" {self.peer * 1000:>7.0f} ms {self.ratio:>7.2f} {race.target:>7.2f}  {met}"
        )


HEADER = (
    f"{'command':<15} {'takes':>10}  {'peer':<24} {'takes':>10} {'ratio':>7} {'target':>7}  met"
)


def local_races() -> list[Race]:
    """What can be measured without a cluster."""
    python = {"peer_name": "python -c pass", "peer": PASS, "target": 6.0}
    return [Race(name=f"atoll {x}", command=(ATOLL, x), **python) for x in ("--version", "--help")]


def ps_races(clients: Mapping[str, Path]) -> list[Race]:
    """`ps` beside that of the official clients that are installed."""
    return [
        Race(
            name="atoll ps",
            command=(ATOLL, "ps"),
            peer_name=f"backend.ai ps ({release})",
            peer=(str(clients[release]), "ps"),
            target=target,
        )
        for release, target in TARGETS.items()
        if release in clients
    ]


def run_race(race: Race, environ: Mapping[str, str], runs: int = RUNS) -> Result:
    """Time both in turns, after one round that leaves compiled modules and caches behind."""
    times: dict[Sequence[str], list[float]] = {race.command: [], race.peer: []}
    for turn in range(runs + 1):
        for command, taken in times.items():
            seconds = wall_time(command, environ)
            if turn:
                taken.append(seconds)
    own, peer = (statistics.median(taken) for taken in times.values())
    return Result(race=race, own=own, peer=peer)


def wall_time(command: Sequence[str], environ: Mapping[str, str]) -> float:
    """Return the seconds that a program takes; raises CalledProcessError when it fails."""
    began = time.perf_counter()
    subprocess.run(
        command,
        env=environ,
        cwd=environ["HOME"],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return time.perf_counter() - began


def plain_environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing but PATH is the caller's own."""
    # Without PYTHONDONTWRITEBYTECODE, which would have every start compile everything.
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ATOLL_HOME": str(home / "atoll"),
    }


@contextmanager
def embedded_cluster(environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Run an embedded cluster with a few sessions; gives the environment that leads to it."""
    data = Path(environ["ATOLL_HOME"]) / "data" / "local"
    command = [sys.executable, "-m", "atoll_local", "--data", str(data)]
    # As many processors as there are sessions, whatever the machine has: they do nothing.
    command += ["--cpus", str(SESSIONS)]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            words = []
            while not words or "answering at" not in words[-1]:
                words.append(process.stderr.readline())
                if not words[-1]:
                    raise SystemExit("".join(["the embedded cluster did not start\n", *words]))
            found = facing(data, environ)
            for number in range(SESSIONS):
                wall_time((ATOLL, "start", "-t", f"bench-{number}", "python"), found)
            yield found
        finally:
            process.terminate()
            process.communicate()


def facing(data: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Add to an environment what leads every client to the cluster that keeps things in `data`."""
    keys = json.loads((data / "credentials.json").read_text())["admin"]
    return {
        **environ,
        "BACKEND_ENDPOINT": json.loads((data / "server.json").read_text())["endpoint"],
        "BACKEND_ENDPOINT_TYPE": "api",
        "BACKEND_ACCESS_KEY": keys["access_key"],
        "BACKEND_SECRET_KEY": keys["secret_key"],
    }


def installed_clients() -> dict[str, Path]:
    """Find the official clients that the tests in tests/interop have installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    venvs = Path(os.environ.get("ATOLL_INTEROP_VENVS") or cache / "atoll-interop")
    programs = sorted(venvs.glob("*/bin/backend.ai"))
    return {program.parents[1].name.rpartition("-")[0]: program for program in programs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a target is missed by far")
    parser.add_argument("--runs", type=int, default=RUNS, help="turns per race (%(default)s)")
    options = parser.parse_args(arguments)
    say(HEADER)
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as home:
        results = list(measured(plain_environment(Path(home)), options.runs))
    missed = [result for result in results if result.ratio > result.race.target * NOISE]
    return 1 if options.check and missed else 0


def measured(environ: Mapping[str, str], runs: int) -> Iterator[Result]:
    """Run all races, each told of as soon as it is over."""
    clients = installed_clients()
    for race in local_races():
        yield told(run_race(race, environ, runs))
    with embedded_cluster(environ) as leading_there:
        for race in ps_races(clients):
            yield told(run_race(race, leading_there, runs))
    for release in sorted(TARGETS.keys() - clients.keys()):
        say(f"client {release} is not installed: make interop installs it")


def told(result: Result) -> Result:
    """Print a result; returns it."""
    say(result.row())
    return result


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  # the table is what this program is for


if __name__ == "__main__":
    sys.exit(main())
