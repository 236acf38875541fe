"""Terminating a session in any status: starting, running, or failed."""

from typing import TYPE_CHECKING

from atoll import NotAuthorized
from atoll.outages import Backoff
from atoll_sessions.queries import destroy, find_session
from atoll_sessions.statuses import ENDING, FAILED, STARTING

if TYPE_CHECKING:
    from atoll import Api

_STARTS = Backoff(first=0.05, longest=1.0)
"""How often one that is about to start is tried to be ended."""


async def terminate(api: "Api", session: str) -> None:
    """Terminate a session by id or name; raises AtollError.

    A session that is starting is left to start first, since clusters up to 24 let only
    administrators terminate it earlier. A session that has failed to start is removed by force, as
    clusters demand. One that is ending already is left to end.
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
            # Should it have started since it was refused, it is not refused again for that.
            has_started = status not in STARTING
        else:
            return
