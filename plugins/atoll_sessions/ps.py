"""`ps`: list sessions."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import click
from attrs import frozen

from atoll import AtollError, Candidate, Context, Name, Problem, UsageError, Values
from atoll.output import columns_of
from atoll_sessions.added_fields import all_fields, refused
from atoll_sessions.fields import (
    COLUMNS,
    DEFAULT,
    DETAIL,
    PEER_DEFAULT,
    Field,
    known_names,
    selection,
)
from atoll_sessions.info import show_session
from atoll_sessions.model import DEAD, Session
from atoll_sessions.queries import list_sessions
from atoll_sessions.statuses import KNOWN, known_statuses

FIRST = 10
"""How many sessions are shown unless the user wants all."""
PEER_FIRST = 20
"""The same for the JSON of Backend.AI's own client, which also contains the total number."""
_RUNNING = "PREPARING,PULLING,RUNNING"
_QUERIED = (
    *("id", "name", "type", "image", "status", "status_info", "result", "created_at"),
    *("status_changed", "starts_at", "terminated_at", "scheduled_at", "access_key", "user_email"),
    *("domain_name", "group_name", "scaling_group", "cluster_mode", "cluster_size", "agent"),
    *("architecture", "startup_command"),
)
"""Fields by which clusters of most releases can filter and sort sessions."""


def _filter_values(typed: str) -> Iterable[Candidate | str]:
    # Imported here, since most calls have no filter.
    from atoll_sessions.expressions import filter_values

    return filter_values(_QUERIED).fitting(typed)


_OPTIONS = (
    click.option(
        "-s",
        "--status",
        type=Values.several(("ALL", *KNOWN)),
        metavar="STATUS",
        help="Only sessions of this status, or ALL; several by commas.",
    ),
    click.option("--running", is_flag=True, help="Only sessions that run or are starting."),
    click.option("--dead", is_flag=True, help="Only sessions that have ended."),
    click.option(
        "--all", "-a", "everything", is_flag=True, help=f"Show all, not only the first {FIRST}."
    ),
    click.option(
        "--limit", type=click.IntRange(0), metavar="COUNT", help="Show at most this many."
    ),
    click.option(
        "--offset",
        type=click.IntRange(0),
        default=0,
        metavar="COUNT",
        help="Leave out this many at the start.",
    ),
    click.option("--name-only", is_flag=True, help="Show only the names, one per line."),
    click.option("--detail", is_flag=True, help="Show more columns."),
    click.option(
        "-f",
        "--format",
        "fields",
        type=Values.several([column.name for column in COLUMNS]),
        metavar="FIELDS",
        help="These columns, separated by commas.",
    ),
    click.option("--plain", is_flag=True, help="Leave out the header and the line below it."),
    click.option(
        "--filter",
        type=Values(_filter_values),
        metavar="EXPR",
        help='Only sessions that match, e.g. name like "exp%".',
    ),
    click.option(
        "--order",
        type=Values.several(_QUERIED, signs="+-"),
        metavar="EXPR",
        help="Sort by these fields, e.g. -created_at.",
    ),
    click.option("--access-key", metavar="KEY", help="Sessions of this key; for administrators."),
)


@frozen(kw_only=True)
class Listing:
    """Which sessions are to be listed; attributes are named after the options."""

    status: str | None = None
    running: bool = False
    dead: bool = False
    everything: bool = False
    limit: int | None = None
    offset: int = 0
    name_only: bool = False
    detail: bool = False
    fields: str | None = None
    plain: bool = False
    filter: str | None = None
    order: str | None = None
    access_key: str | None = None

    def names(self, *, in_envelope: bool) -> str:
        """Return the names of the fields to show."""
        if self.name_only:
            return "name"
        usual = f"{PEER_DEFAULT}," if in_envelope else ""
        return known_names(self.fields or usual + (DETAIL if self.detail else DEFAULT))

    def most(self, *, in_envelope: bool, whole: bool) -> int | None:
        """Return the most sessions to show; None for all."""
        if self.everything and self.limit is not None:
            raise UsageError("--all and --limit exclude each other")
        first = PEER_FIRST if in_envelope else FIRST
        return self.limit if whole or self.everything or self.limit is not None else first

    def statuses(self) -> str | None:
        """Return the statuses to query; None means all sessions that have not ended."""
        if sum((self.status is not None, self.running, self.dead)) > 1:
            raise UsageError("--status, --running and --dead exclude each other")
        if self.dead:
            return ",".join(DEAD)
        if self.running:
            return _RUNNING
        return None if self.status is None else known_statuses(self.status)

    def check_expressions(self) -> None:
        """Raise UsageError for a filter or an order that can't be parsed, whatever its fields."""
        if not (self.filter or self.order):
            return
        from atoll_sessions.expressions import check_filter, check_order

        if self.filter:
            check_filter(self.filter)
        if self.order:
            check_order(self.order)


def _listing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_listing_options
async def ps(context: Context, **options: Any) -> None:
    """List your sessions, the one whose status changed last first."""
    await _show(context, Listing(**options))


@click.command()
@click.argument("session", required=False, type=Name("session"))
@_listing_options
async def admin_session(context: Context, session: str | None, **options: Any) -> None:
    """Show everything about a session, or list sessions when none is named."""
    if session is not None:
        await show_session(context, session)
    else:
        await _show(context, Listing(**options))


async def _show(context: Context, listing: Listing) -> None:
    in_envelope = context.output.in_envelope
    fields = all_fields(context)
    known = [field.column for field in fields]
    columns = columns_of(listing.names(in_envelope=in_envelope), known)
    statuses = listing.statuses()
    listing.check_expressions()
    most = listing.most(in_envelope=in_envelope, whole=context.output.whole)
    api = await context.connect()
    totals = [0]
    sessions = list_sessions(
        api,
        selection(columns, fields),
        limit=most,
        offset=listing.offset,
        status=statuses,
        filter=listing.filter,
        order=listing.order,
        access_key=listing.access_key,
        on_total=totals.append,
    )
    preferred = "plain" if listing.plain or listing.name_only else ""
    await context.output.rows(
        _explained(sessions, [field for field in fields if field.column in columns]),
        columns,
        format=preferred,
        paged=listing.everything,
        total=lambda: totals[-1],
    )
    if (
        listing.limit is None
        and not in_envelope
        and most is not None
        and totals[-1] > listing.offset + most
    ):
        context.output.note(f"{totals[-1] - listing.offset - most} more: --all shows them")


async def _explained(
    sessions: AsyncGenerator[Session], fields: Sequence[Field]
) -> AsyncGenerator[Session]:
    """Yield the sessions; if the cluster refuses a plugin's field, the error names the plugin."""
    try:
        async with aclosing(sessions):
            async for session in sessions:
                yield session
    except Problem as problem:
        if not (out := refused(fields, problem)):
            raise
        name = out[0].column.name
        raise AtollError(
            f"{out[0].origin}: its session field {name!r}: {problem.message}"
        ) from None
