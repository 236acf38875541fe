"""The options that turn `run` into a sweep."""

from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from attrs import fields, frozen

from atoll import UsageError

if TYPE_CHECKING:
    from atoll_sessions.sweep.ranges import Place, Range

MAX_PARALLEL = 2


class RangeType(click.ParamType["Range"]):
    """A range expression, parsed together with the command line, before anything is started."""

    name = "range expression"

    def __init__(self, place: "Place") -> None:
        self.place = place

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Range":
        """Return the range."""
        from atoll_sessions.sweep.ranges import parse_range

        try:
            return parse_range(self.place, value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def _range_option(place: "Place", where: str) -> Callable[[Any], Any]:
    return click.option(
        f"--{place}-range",
        f"{place}_ranges",
        type=RangeType(place),
        multiple=True,
        metavar="X=RANGE",
        help=f"Sweep: run a session for each value of X in {where}. Repeatable: all combinations.",
    )


_OPTIONS = (
    _range_option("env", "the values of -e"),
    _range_option("exec", "--exec and -c"),
    _range_option("build", "--build"),
    click.option(
        "--max-parallel",
        type=click.IntRange(1),
        default=MAX_PARALLEL,
        show_default=True,
        help="Sweep: how many sessions at a time.",
    ),
    click.option("--dry-run", is_flag=True, help="Sweep: show the cases and start nothing."),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Sweep: write the output of each case to files in this folder.",
    ),
    click.option(
        "--detach", is_flag=True, help="Sweep: run it in the background, in a process of its own."
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Sweep: resume the last one of the same line; run missing and failed cases.",
    ),
    click.option("--yes", is_flag=True, help="Sweep: don't ask before many cases."),
)


def sweep_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that make a sweep."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@frozen(kw_only=True)
class SweepOptions:
    """The values of a sweep's options; fields are named after them."""

    env_ranges: "tuple[Range, ...]"
    exec_ranges: "tuple[Range, ...]"
    build_ranges: "tuple[Range, ...]"
    max_parallel: int
    dry_run: bool
    out: Path | None
    detach: bool
    resume: bool
    yes: bool

    @property
    def ranges(self) -> "tuple[Range, ...]":
        """All ranges, the one that varies slowest first."""
        return (*self.exec_ranges, *self.env_ranges, *self.build_ranges)


def take_sweep_options(options: MutableMapping[str, Any]) -> SweepOptions | None:
    """Take them from the options of `run`; None if it is no sweep.

    Raises UsageError for options that only sweeps have.
    """
    taken = SweepOptions(**{one.name: options.pop(one.name) for one in fields(SweepOptions)})
    if taken.ranges:
        return taken
    for name in ("dry_run", "out", "detach", "resume"):
        if getattr(taken, name):
            raise UsageError(
                f"run: --{name.replace('_', '-')} is for sweeps", hint="give a range, --env-range"
            )
    return None
