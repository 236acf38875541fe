"""`session watch`: shows the events of a session until its job is done."""

import math
from typing import TYPE_CHECKING

import click
import trio

from atoll import Context, ExitCode, Name, NotFound
from atoll_sessions.events import RESULTS, SCOPES, show_events, single_scope
from atoll_sessions.model import Session
from atoll_sessions.owners import owner_option
from atoll_sessions.queries import find_session, list_sessions
from atoll_sessions.session_events import SessionEvent, Watch

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("session", required=False, type=Name("session"))
@owner_option("A session of another user.")
@click.option(
    "--scope",
    type=SCOPES,
    default="session,kernel",
    show_default=True,
    help="Only events of the session, or of its containers.",
)
@click.option(
    "--max-wait",
    type=click.IntRange(0),
    default=0,
    metavar="SECONDS",
    help="Watch at most this long; the exit code is then 124.",
)
async def watch(
    context: Context, session: str | None, owner: str | None, scope: str, max_wait: int
) -> int:
    """Show what happens to a session until it has ended, or its batch job is done.

    The exit code is that of the job. Without SESSION, the only one that there is.
    """
    api = await context.connect()
    found = await (find_session(api, session, ended=True, owner=owner) if session else _only(api))
    watching = Watch(api, found.id, owner, single_scope(scope), context.output.note)
    watching.stops = lambda event: event.is_last or event.event in RESULTS
    with trio.move_on_after(max_wait or math.inf) as patience:
        await show_events(context, watching)
    if patience.cancelled_caught:
        return ExitCode.TIMED_OUT
    return _exit_code(watching.last)


def _exit_code(last: SessionEvent | None) -> int:
    """Return the exit code of a batch job; 26.x only says that it failed."""
    if last is None or last.event != "session_failure":
        return ExitCode.OK
    return last.exit_code or ExitCode.FAILED


async def _only(api: "Api") -> Session:
    """Return the only session of the user; raises NotFound naming all if there are several."""
    key = await api.access_key()
    living = [one async for one in list_sessions(api, ["name"], access_key=key, limit=10)]
    if len(living) != 1:
        names = ", ".join(one.name for one in living)
        hint = f"name one of {names}" if names else "atoll start makes one"
        raise NotFound("there are several sessions" if names else "there is no session", hint=hint)
    return living[0]
