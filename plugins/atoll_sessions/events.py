"""`events`: what happens to a session, live."""

import math
from datetime import datetime

import click
import trio

from atoll import Column, Context, Name, owner_option
from atoll_sessions.queries import find_session
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
@owner_option("A session of another user.")
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
    send, receive = trio.open_memory_channel[SessionEvent](math.inf)
    watch = Watch(api, found.id, owner, scope, context.output.note)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch.run, send)
        await context.output.rows(receive, COLUMNS, live=True)
