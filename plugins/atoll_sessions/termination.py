"""Terminates a session in any status: starting, running, or failed."""

from typing import TYPE_CHECKING

from atoll import NotAuthorized
from atoll.outages import Backoff
from atoll_sessions.queries import destroy, find_session
from atoll_sessions.statuses import ENDING, FAILED, STARTING

if TYPE_CHECKING:
    from atoll import Api

_STARTS = Backoff(first=0.05, longest=1.0)
"""How often the termination of a starting session is tried."""


async def terminate(api: "Api", session: str) -> None:
    """Terminate a session by id or name; raises AtollError.

    If a session is starting, this waits until it has started, since clusters up to 24 allow only
    administrators to terminate it earlier. A session that has failed to start is terminated by
    force, as clusters require. Nothing is done for a session that is already ending.
    """
    has_started = False
    async for _ in _STARTS:
        try:
            await destroy(api, session)
        except NotAuthorized:
            if has_started:
                raise
            status = (await find_session(api, session)).status
            if status == ENDING:
                return
            if status == FAILED:
                await destroy(api, session, forced=True)
                return
            # If the session has started since the refusal, the next request is not refused for this
            # reason.
            has_started = status not in STARTING
        else:
            return
