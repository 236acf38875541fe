"""`ps`: list sessions."""

import click

from atoll import Context, UsageError, columns_of
from atoll_sessions.api import list_sessions
from atoll_sessions.fields import COLUMNS, DEFAULT, DETAIL, known_names, selection
from atoll_sessions.model import DEAD

FIRST = 10
"""How many sessions are shown unless all are asked for."""
_RUNNING = "PREPARING,PULLING,RUNNING"


@click.command()
@click.option(
    "-s",
    "--status",
    metavar="STATUS",
    help="Only sessions of this status, or ALL; several by commas.",
)
@click.option("--running", is_flag=True, help="Only sessions that run or are about to.")
@click.option("--dead", is_flag=True, help="Only sessions that have ended.")
@click.option("--all", "-a", "everything", is_flag=True, help=f"Not only the first {FIRST}.")
@click.option("--name-only", is_flag=True, help="Only the names, one a line.")
@click.option("--detail", is_flag=True, help="More columns.")
@click.option(
    "-f", "--format", "fields", metavar="FIELDS", help="These columns, separated by commas."
)
@click.option("--plain", is_flag=True, help="No header and no lines.")
@click.option(
    "--filter", "filter_", metavar="EXPR", help='Only sessions that match, e.g. name like "exp%".'
)
@click.option("--order", metavar="EXPR", help="Sort by these fields, e.g. -created_at.")
@click.option("--access-key", metavar="KEY", help="Sessions of this key; for administrators.")
async def ps(
    context: Context,
    status: str | None,
    running: bool,
    dead: bool,
    everything: bool,
    name_only: bool,
    detail: bool,
    fields: str | None,
    plain: bool,
    filter_: str | None,
    order: str | None,
    access_key: str | None,
) -> None:
    """List your sessions, the one whose status changed last first."""
    names = "name" if name_only else known_names(fields or (DETAIL if detail else DEFAULT))
    columns = columns_of(names, COLUMNS)
    statuses = _statuses(status, running=running, dead=dead)
    api = await context.connect()
    totals = [0]
    sessions = list_sessions(
        api,
        selection(columns),
        limit=None if everything else FIRST,
        status=statuses,
        filter=filter_,
        order=order,
        access_key=access_key,
        on_total=totals.append,
    )
    preferred = "plain" if plain or name_only else ""
    await context.output.rows(sessions, columns, format=preferred, paged=everything)
    if not everything and totals[-1] > FIRST:
        context.output.note(f"{totals[-1] - FIRST} more: --all shows them")


def _statuses(status: str | None, *, running: bool, dead: bool) -> str | None:
    """Return the statuses to ask for; None means all that have not ended."""
    if sum(map(bool, (status, running, dead))) > 1:
        raise UsageError("--status, --running and --dead exclude each other")
    if dead:
        return ",".join(DEAD)
    return _RUNNING if running else (status.upper() if status else None)
