"""A sweep as records: one row for each case, with the parameters in the first columns."""

from collections.abc import Callable, Mapping
from typing import Any

from atoll import Context
from atoll.output import Column
from atoll_sessions.sweep.plan import Plan
from atoll_sessions.sweep.progress import FAILED, CaseState, Progress
from atoll_sessions.sweep.store import Sweep

_BRIEF = 40
"""If a sweep has more cases than this, a terminal lists them only on demand."""


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


_STATE = [
    Column("status"),
    Column("exit_code", "Exit code", right=True),
    Column("elapsed", show=_seconds, right=True),
    Column("session", keep=True),
    Column("case", right=True, get=lambda state: state.number),
    Column("error"),
]


def value_columns(plan: Plan, values_of: Callable[[Any], Mapping[str, str]]) -> list[Column]:
    """Return a column for each variable, named after it, with a `$` if another column has that
    name.
    """
    taken = {column.name for column in _STATE} | {"command", "build", "env"}

    def column(name: str) -> Column:
        shown = f"${name}" if name in taken else name
        return Column(shown, shown, keep=True, get=lambda record: values_of(record)[name])

    return [column(name) for name in plan.grid.variables]


def columns_of_cases(plan: Plan) -> list[Column]:
    """Return the columns of a sweep's cases; the records are their states."""

    def values_of(state: CaseState) -> Mapping[str, str]:
        return plan.grid.at(state.number - 1)

    return [*value_columns(plan, values_of), *_STATE]


async def show_cases(context: Context, sweep: Sweep, progress: Progress, *, all: bool) -> None:
    """List the cases; unless `all`, a long list on a terminal shows only the cases that failed."""
    output = context.output
    brief = not (all or output.format) and output.stdout.isatty() and progress.count > _BRIEF
    states = (one for one in progress.all() if not brief or one.status == FAILED)
    if not brief or progress.counts[FAILED]:
        await output.rows(states, columns_of_cases(sweep.plan), paged=all)
    if brief:
        output.note(f"atoll sweep status {sweep.id} lists all cases")
