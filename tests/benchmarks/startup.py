"""How long a program takes from its start to its end, beside its peers: `make bench`.

Whole processes are timed, in turns (A B A B), so that what else the machine does is shared out
fairly; medians are compared, and what counts is their ratio. The commands that need a cluster all
face the same embedded one, which holds a few sessions.

Peers that are not on this machine are left out, with a word on why.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen
from common import ATOLL, embedded_cluster, official_client, plain_environment, run, say, wall_time

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
    return [
        Race(
            name=f"atoll {option}",
            command=(ATOLL, option),
            peer_name="python -c pass",
            peer=PASS,
            target=6.0,
        )
        for option in ("--version", "--help")
    ]


def ps_races() -> list[Race]:
    """`ps` beside that of the official clients that are installed."""
    return [
        Race(
            name="atoll ps",
            command=(ATOLL, "ps"),
            peer_name=f"backend.ai ps ({release})",
            peer=(client, "ps"),
            target=target,
        )
        for release, target in TARGETS.items()
        if (client := official_client(release))
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a target is missed by far")
    parser.add_argument("--runs", type=int, default=RUNS, help="turns per race (%(default)s)")
    options = parser.parse_args(arguments)
    say(HEADER)
    with tempfile.TemporaryDirectory(prefix="atoll-bench-") as home:
        results = list(measured(Path(home), options.runs))
    missed = [result for result in results if result.ratio > result.race.target * NOISE]
    return 1 if options.check and missed else 0


def measured(home: Path, runs: int) -> Iterator[Result]:
    """Run all races, each told of as soon as it is over."""
    for race in local_races():
        yield told(run_race(race, plain_environment(home), runs))
    with embedded_cluster(home) as environ:
        for number in range(SESSIONS):
            # Together they ask for less than one processor, whatever the machine has.
            run([ATOLL, "start", "-t", f"bench-{number}", "-r", "cpu=0.25", "python"], environ)
        for race in ps_races():
            yield told(run_race(race, environ, runs))


def told(result: Result) -> Result:
    """Print a result; returns it."""
    say(result.row())
    return result


if __name__ == "__main__":
    sys.exit(main())
