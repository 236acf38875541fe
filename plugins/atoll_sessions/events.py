"""`events`: what happens to a session, live."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime

import click

from atoll import Column, Context, Name
from atoll_sessions.api import find_session
from atoll_sessions.session_events import SessionEvent, Watch


def _clock(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S")


COLUMNS = [
    Column("time", show=_clock, width=8),
    Column("event", width=len("session_terminating")),
    Column("reason", width=len("passed-preconditions")),
    Column("exit_code", right=True),
    Column("kernel_id", "Kernel ID", width=36),
    Column("cluster_role", "Role"),
]


@click.command()
@click.argument("session", type=Name("session"))
@click.option(
    "-o", "--owner", "--owner-access-key", metavar="ACCESS_KEY", help="A session of another user."
)
@click.option(
    "--scope",
    type=click.Choice(["*", "session", "kernel"]),
    default="*",
    show_default=True,
    help="Only what happens to the session, or to its containers.",
)
async def events(context: Context, session: str, owner: str | None, scope: str) -> None:
    """Show what happens to a session, from now until it has ended.

    Ctrl-C stops watching, and leaves the session as it is.
    """
    api = await context.connect()
    found = await find_session(api, session, ended=True, owner=owner)
    watch = Watch(api, found.id, owner, context.output.note)
    async with aclosing(watch.events()) as everything, aclosing(_of(scope, everything)) as shown:
        await context.output.rows(shown, COLUMNS, live=True)


async def _of(scope: str, events: AsyncIterator[SessionEvent]) -> AsyncGenerator[SessionEvent]:
    # Chosen here and not by the cluster: the session's last event ends it all in any scope.
    async for event in events:
        if scope in ("*", event.scope):
            yield event
