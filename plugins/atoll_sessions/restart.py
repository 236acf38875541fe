"""`restart`: restarts the containers of sessions."""

from typing import TYPE_CHECKING

import click

from atoll import AtollError, Context, Name, Problem
from atoll_sessions import own_changes
from atoll_sessions.model import Session
from atoll_sessions.owners import owner_option
from atoll_sessions.queries import find_session, get_session
from atoll_sessions.statuses import FINAL, look_until

if TYPE_CHECKING:
    from atoll import Api

_FIELDS = ["status_info", "containers { container_id }"]
_SETTLED = ("RUNNING", "RUNNING_DEGRADED", "TERMINATING", *FINAL)


@click.command()
@click.argument("sessions", nargs=-1, required=True, type=Name("session"))
@owner_option("Sessions of another user.")
async def restart(context: Context, sessions: tuple[str, ...], owner: str | None) -> int:
    """Restart sessions: what runs in them ends, and files that lie in no folder may be lost."""
    api = await context.connect()
    first_failure = 0
    for reference in sessions:
        try:
            found = await find_session(api, reference, owner=owner)
            with context.output.progress(f"restarting {found.name} …"):
                await _restart(api, found, owner)
        except AtollError as error:
            context.output.warn(str(error))
            first_failure = first_failure or error.exit_code
        else:
            own_changes.note(found.id, "start")
            context.output.done(f"session {found.name} runs again")
    return first_failure


async def _restart(api: "Api", session: Session, owner: str | None) -> None:
    """Restart a session (`PATCH /session/{s}`) and check its status.

    Raises AtollError if it does not run again. A success reported by the cluster means little:
    23.09 reports it also when its agent has failed half-way.
    """
    before = await get_session(api, session.id, ["status", *_FIELDS])
    await _ask(api, session, owner)
    after = await look_until(api, session.id, _FIELDS, lambda now: now.status in _SETTLED)
    if after.status != "RUNNING":
        reason = f": {after.status_info}" if after.status_info else ""
        raise AtollError(f"session {session.name} is {after.status} after its restart{reason}")
    if _containers(before) and _containers(before) == _containers(after):
        raise AtollError(
            f"the restart of session {session.name} has failed on the cluster's side: it says"
            " RUNNING, and has no new container on record",
            hint=f"its processes have ended; run atoll rm {session.name} and start another session",
        )


async def _ask(api: "Api", session: Session, owner: str | None) -> None:
    from atoll.urls import path

    params = {"owner_access_key": owner}
    try:
        await api.request(
            "PATCH", path("session", session.id), params=params, query=True, timeout=None
        )
    except Problem as problem:
        if problem.status != 501 and problem.type != "not-implemented":
            raise
        raise AtollError(
            f"this cluster can't restart sessions, so {session.name} is unchanged",
            hint=f"atoll rm {session.name}, then start it again",
        ) from None


def _containers(session: Session) -> list[str]:
    return [one["container_id"] for one in session.containers or () if one.get("container_id")]
