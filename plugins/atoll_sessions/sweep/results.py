"""The results of a sweep: the parameters of each case that is done, and the values it printed."""

from collections.abc import Mapping, Sequence

import trio
from attrs import frozen

from atoll import UsageError
from atoll.output import counted
from atoll.text import near_matches
from atoll_sessions.sweep.metrics import Metric, Reader, number, seen_names
from atoll_sessions.sweep.progress import DONE, FAILED, Progress
from atoll_sessions.sweep.store import Sweep


@frozen
class Result:
    """A case that is done: its parameters, and the last value of each name that it printed."""

    case: int
    parameters: Mapping[str, str]
    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """Return a value or a parameter."""
        return self.values.get(name, self.parameters.get(name))


@frozen
class Results:
    """The results of a sweep; `left_out` says in words which cases are missing from them."""

    sweep: Sweep
    all: Sequence[Result]
    left_out: str

    @property
    def names(self) -> list[str]:
        """The names of the values."""
        return seen_names(one.values for one in self.all)


@frozen
class Series:
    """The points of one line in the order of x; `label` names what they have in common."""

    label: str
    points: Sequence[tuple[float, float]]

    @property
    def is_line(self) -> bool:
        """Whether each x has one point only, so that it makes sense to connect the points."""
        return len({x for x, _ in self.points}) == len(self.points)


@frozen
class Chart:
    """What is drawn. `names` are the values of x if they are not numbers."""

    x: str
    y: Sequence[str]
    series: Sequence[Series]
    names: Sequence[str] = ()
    log: str = ""
    title: str = ""

    @property
    def ticks(self) -> dict[float, str]:
        """The labels of the x axis, by position."""
        if self.names:
            return {float(place): name for place, name in enumerate(self.names, 1)}
        return {x: f"{x:g}" for line in self.series for x, _ in line.points}


async def gather(
    sweep: Sweep, progress: Progress, metrics: Sequence[Metric], names: Sequence[str] = ()
) -> Results:
    """Read the values that the finished cases have printed; raises UsageError if no case has
    any.
    """
    done = progress.numbers([DONE])
    if not done:
        raise UsageError(f"no case of sweep {sweep.id} is done", hint=f"sweep status {sweep.id}")
    reader = Reader(metrics, [name for name in names if name not in sweep.plan.grid.variables])

    def read() -> list[Result]:
        plan = sweep.plan
        return [
            Result(case, plan.grid.at(case - 1), reader.read(sweep.output(case, "stdout")))
            for case in done
        ]

    results = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
    return Results(sweep, results, _left_out(progress))


def _left_out(progress: Progress) -> str:
    failed = progress.counts[FAILED]
    unfinished = progress.count - progress.counts[DONE] - failed
    parts = [f"{failed} failed" if failed else "", f"{unfinished} unfinished" if unfinished else ""]
    note = " and ".join(filter(None, parts))
    return f"{note} of {counted(progress.count, 'case')} left out" if note else ""


def chart(
    results: Results, x: str, y: Sequence[str], by: Sequence[str], log: str
) -> tuple[Chart, int]:
    """Make the chart, and count the cases that have no number to draw; raises UsageError."""
    for name in (x, *y, *by):
        _check_name(results, name)
    places, names = _places(results, x)
    series: dict[str, list[tuple[float, float]]] = {}
    drawn = set[int]()
    for one in results.all:
        group = " ".join(f"{name}={one.get(name)}" for name in by)
        for name in y:
            place, value = places.get(one.get(x) or ""), number(one.get(name))
            if place is not None and value is not None:
                label = " ".join(filter(None, (name if len(y) > 1 or not by else "", group)))
                series.setdefault(label, []).append((place, value))
                drawn.add(one.case)
    if not series:
        raise UsageError(f"no case has numbers for {x} and {', '.join(y)}")
    lines = [Series(label, sorted(points)) for label, points in series.items()]
    _check_log(lines, x, log, names)
    made = Chart(x, y, lines, names, log, f"sweep {results.sweep.id}")
    return made, len(results.all) - len(drawn)


def _check_name(results: Results, name: str) -> None:
    if any(one.get(name) is not None for one in results.all):
        return
    known = [*results.sweep.plan.grid.variables, *results.names]
    hint = near_matches(name, known) or f"--metric '{name}=(\\S+)' finds it; its parameters are "
    if hint.endswith(" are "):
        hint += ", ".join(results.sweep.plan.grid.variables)
    raise UsageError(f"no case has printed a value for {name}", hint=hint)


def _places(results: Results, x: str) -> tuple[dict[str, float], list[str]]:
    """Return the position of each value of x: the number itself, or its index if not all values are
    numbers.
    """
    values = list(dict.fromkeys(value for one in results.all if (value := one.get(x)) is not None))
    numbers = {value: number(value) for value in values}
    places = {value: place for value, place in numbers.items() if place is not None}
    if len(places) == len(values):
        return places, []
    return {value: float(place) for place, value in enumerate(values, 1)}, values


def _check_log(lines: Sequence[Series], x: str, log: str, names: Sequence[str]) -> None:
    if names and "x" in log:
        raise UsageError(f"{x} has values that are not numbers, so --log-x can't show them")
    for axis, place in (("x", 0), ("y", 1)):
        if axis in log and any(point[place] <= 0 for line in lines for point in line.points):
            raise UsageError(f"--log-{axis} can't show values of 0 or less")
