"""Shows what a session has used (`run -s`, `rm -s`)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from atoll import AtollError, Context
from atoll.output import binary_size
from atoll.reading import to_figure
from atoll_sessions.fields import COLUMNS, selection
from atoll_sessions.queries import get_session

if TYPE_CHECKING:
    from atoll import Api

_FIELDS = ("used_memory", "max_used_memory", "cpu_using")


async def tell_use(context: Context, api: "Api", session_id: str) -> None:
    """Show what a session uses now, as `ps --detail` does."""
    columns = [column for column in COLUMNS if column.name in _FIELDS]
    try:
        session = await get_session(api, session_id, selection(columns))
    except AtollError as error:
        context.output.warn(f"the session's statistics can't be read: {error}")
        return
    shown = [f"{c.heading} {c.show(value)}" for c in columns if (value := c.get(session))]
    context.output.note(f"statistics: {', '.join(shown) or 'none were measured'}")


def tell_last_stats(context: Context, stats: Mapping[str, Any]) -> None:
    """Show the statistics in the answer to a termination (`stats` of `DELETE /session/{s}`)."""
    for line in show_metrics(stats):
        context.output.note(line)


def show_metrics(stats: Mapping[str, Any]) -> Sequence[str]:
    """Return a line for each metric: its last value and its maximum."""
    metrics = {name: entry for name, entry in stats.items() if isinstance(entry, Mapping)}
    if not metrics:
        return ["  no statistics were measured"]
    return [f"  {name}: {_show(entry)}" for name, entry in sorted(metrics.items())]


def _show(entry: Mapping[str, Any]) -> str:
    unit = str(entry.get("unit_hint") or "")
    now, most = entry.get("current"), entry.get("stats.max")
    if unit == "percent":
        # The unit is given as per cent, but the value is in milliseconds per second.
        now, most = entry.get("pct"), _per_cent(most, entry.get("capacity"))
    shown = _amount(now, unit)
    return f"{shown} (at most {_amount(most, unit)})" if most is not None else shown


def _per_cent(amount: Any, capacity: Any) -> str | None:
    part, whole = to_figure(amount), to_figure(capacity)
    return f"{100 * part / whole:.2f}" if part is not None and whole else None


def _amount(amount: Any, unit: str) -> str:
    figure = to_figure(amount)
    if figure is None:
        return "?"
    return binary_size(figure) if unit == "bytes" else f"{amount} {unit}".strip()
