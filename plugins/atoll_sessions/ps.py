"""`ps`: list sessions."""

import click

from atoll import Context, UsageError, columns_of
from atoll_sessions.api import list_sessions
from atoll_sessions.model import COLUMNS, DEAD

FIRST = 10
"""How many sessions are shown unless all are asked for."""
_DEFAULT = "id,name,access_key,image,type,status,status_info,status_changed,result"
_DETAIL = _DEFAULT + ",tag,created_at,occupying_slots"
_STARTING = "PREPARING,PULLING,RUNNING"


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
) -> None:
    """List your sessions, the one whose status changed last first."""
    if sum(map(bool, (status, running, dead))) > 1:
        raise UsageError("--status, --running and --dead exclude each other")
    names = "name" if name_only else fields or (_DETAIL if detail else _DEFAULT)
    columns = columns_of(names, COLUMNS)
    api = await context.connect()
    sessions = list_sessions(
        api,
        [column.name for column in columns],
        limit=None if everything else FIRST,
        status=_STARTING if running else ",".join(DEAD) if dead else _statuses(status),
        filter=filter_,
        order=order,
    )
    await context.output.rows(sessions, columns, format="plain" if plain or name_only else "")


def _statuses(given: str | None) -> str | None:
    return given.upper() if given else None
