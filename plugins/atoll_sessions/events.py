"""`events`: shows the events of a session as they happen."""

import math
from datetime import datetime
from typing import TYPE_CHECKING

import click
import trio

from atoll import AtollError, Context, Name, UsageError
from atoll.output import Column
from atoll_sessions.model import Session
from atoll_sessions.owners import owner_option
from atoll_sessions.queries import find_session, get_session
from atoll_sessions.session_events import SessionEvent, Watch
from atoll_sessions.statuses import FINAL, has_reached

if TYPE_CHECKING:
    from atoll import Api


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
SCOPES = click.Choice(["*", "session", "kernel", "session,kernel"])
_REACHED = {
    "session_enqueued": "PENDING",
    "session_scheduled": "SCHEDULED",
    "session_preparing": "PREPARING",
    "session_started": "RUNNING",
    "session_terminating": "TERMINATING",
    "session_terminated": "TERMINATED",
    "session_cancelled": "CANCELLED",
}
"""For each event, the status that a session has once the event has happened, or passes later."""
RESULTS = ("session_success", "session_failure")
"""Events with the result of a batch job; its session ends after them."""


@click.command()
@click.argument("session", type=Name("session"))
@owner_option("A session of another user.")
@click.option(
    "--scope",
    type=SCOPES,
    default="*",
    show_default=True,
    help="Only events of the session, or of its containers.",
)
@click.option("-q", "--quiet", is_flag=True, help="Show no events; for --wait.")
@click.option(
    "--wait", "awaited", metavar="EVENT", help="Stop at this event, such as session_started."
)
async def events(
    context: Context, session: str, owner: str | None, scope: str, quiet: bool, awaited: str | None
) -> None:
    """Show what happens to a session, from now until it has ended.

    Ctrl-C stops watching, and leaves the session as it is.
    """
    wanted = _known_event(awaited) if awaited is not None else None
    api = await context.connect()
    found = await find_session(api, session, ended=True, owner=owner)
    say = (lambda _text: None) if quiet else context.output.note
    watching = Watch(api, found.id, owner, "*" if wanted else single_scope(scope), say)
    if wanted:
        watching.stops = lambda event: event.event == wanted or event.is_last
        watching.done = lambda session: session.status in FINAL or _has_happened(session, wanted)
    await show_events(context, watching, quiet=quiet)
    if wanted:
        await _check_come(api, found, watching, wanted)


async def _check_come(api: "Api", session: Session, watching: Watch, wanted: str) -> None:
    """Raise AtollError if a session has ended without the event that the user waits for."""
    if watching.last is not None and watching.last.event == wanted:
        return
    if not _has_happened(await get_session(api, session.id, ["status"]), wanted):
        raise AtollError(f"session {session.name} has ended without {wanted}")


def _has_happened(session: Session, event: str) -> bool:
    return event in _REACHED and has_reached(session.status, _REACHED[event])


async def show_events(context: Context, watching: Watch, *, quiet: bool = False) -> None:
    """Show events as they arrive, until the watch stops."""
    send, receive = trio.open_memory_channel[SessionEvent](math.inf)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watching.run, send)
        if not quiet:
            await context.output.rows(receive, COLUMNS, live=True)


def single_scope(scope: str) -> str:
    """Return the scope for a watch: `session` and `kernel` together are `*`."""
    return "*" if scope == "session,kernel" else scope


def _known_event(name: str) -> str:
    """Return an event's full name; raises UsageError for an unknown one."""
    full = name if "_" in name else f"session_{name}"
    if not full.startswith(("session_", "kernel_")) or not full.replace("_", "").isalpha():
        known = ", ".join([*_REACHED, *RESULTS])
        raise UsageError(f"--wait {name}: no such event", hint=f"there are {known}")
    return full
