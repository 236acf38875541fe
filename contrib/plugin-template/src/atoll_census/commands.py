"""`census`: count sessions by status."""

from collections import Counter
from typing import TYPE_CHECKING

import click
from attrs import frozen

from atoll import Context
from atoll.output import Column

if TYPE_CHECKING:
    from atoll import Api

_QUERY = """query($limit: Int!, $offset: Int!) {
    compute_session_list(limit: $limit, offset: $offset) { items { status } total_count } }"""


@frozen
class Count:
    """A status and the number of sessions that have it."""

    status: str
    sessions: int


@click.command()
@click.option(
    "--at-least",
    type=click.IntRange(min=1),
    default=1,
    help="Show only statuses of at least this many sessions.",
)
async def census(context: Context, at_least: int) -> None:
    """Count your sessions by their status, the most common first."""
    api = await context.connect()
    page = context.settings["census.page"]
    assert isinstance(page, int)  # noqa: S101 - settings have the type of their default
    counts = most_common(await _statuses(api, page))
    rows = [count for count in counts if count.sessions >= at_least]
    await context.output.rows(rows, [Column("status"), Column("sessions")])


def most_common(statuses: list[str]) -> list[Count]:
    """Count each status, the most common first."""
    return [Count(status, number) for status, number in Counter(statuses).most_common()]


async def _statuses(api: "Api", page: int) -> list[str]:
    found: list[str] = []
    while True:
        answer = await api.gql(_QUERY, {"limit": page, "offset": len(found)})
        items = answer["compute_session_list"]["items"]
        found += [one["status"] for one in items]
        if len(items) < page:
            return found
