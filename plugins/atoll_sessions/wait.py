"""`wait`: waits until a session has a certain status."""

import math

import click
import trio

from atoll import AtollError, Context, Name, TimedOut, Values
from atoll_sessions import own_changes
from atoll_sessions.model import Session
from atoll_sessions.queries import find_session
from atoll_sessions.statuses import FINAL, KNOWN, can_reach, has_reached, known_status, look_until


@click.command()
@click.argument("session", type=Name("session"))
@click.option(
    "--for",
    "wanted",
    type=Values(lambda _typed: KNOWN),
    default="RUNNING",
    metavar="STATUS",
    show_default=True,
    help="The status to wait for.",
)
@click.option(
    "--max-wait",
    type=click.IntRange(0),
    default=0,
    metavar="SECONDS",
    help="Wait at most this long; the exit code is then 124.",
)
async def wait(context: Context, session: str, wanted: str, max_wait: int) -> int:
    """Wait until a session has a status, or has passed it on its way from start to end.

    Fails as soon as the session can't come to be in it any more. The exit code is that of a batch
    session's job, once that has ended.
    """
    target = known_status(wanted)
    api = await context.connect()
    found = await find_session(api, session, ended=True)

    def is_over(now: Session) -> bool:
        return has_reached(now.status, target) or not can_reach(now.status, target)

    with context.output.progress(f"waiting for {found.name} …") as show:
        with trio.move_on_after(max_wait or math.inf):
            found = await look_until(
                api,
                found.id,
                ["status_info", "status_data", "type", "result"],
                is_over,
                lambda status: show(f"{found.name} is {status}, waiting for {target} …"),
            )
            _tell(context, found, target)
            return found.job_code or 0
    raise TimedOut(f"session {found.name} is not {target} after {max_wait} s")


def _tell(context: Context, session: Session, target: str) -> None:
    """Show the result; raises AtollError if it is not the status that the user waits for."""
    code = session.job_code
    if code is None and not has_reached(session.status, target):
        reason = f" ({session.status_info})" if session.status_info else ""
        raise AtollError(
            f"session {session.name} is {session.status}{reason} and will not be {target} any more"
        )
    own_changes.note(session.id, "end" if session.status in FINAL else "start")
    job = "" if code is None else f"; its job has ended with exit code {code}"
    context.output.note(f"session {session.name} is {session.status}{job}")
