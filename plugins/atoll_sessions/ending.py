"""Ending a session wherever it is on its way: about to start, running, or failed."""

from typing import TYPE_CHECKING

from atoll import NotAuthorized
from atoll.outages import Backoff
from atoll_sessions.queries import destroy, find_session
from atoll_sessions.statuses import FAILED, STARTING

if TYPE_CHECKING:
    from atoll import Api

_STARTS = Backoff(first=0.05, longest=1.0)
"""How often one that is about to start is tried to be ended."""


async def end(api: "Api", session: str) -> None:
    """Terminate a session by id or name; raises AtollError.

    One that is about to start is let start, since clusters up to 24 have only administrators end it
    before. One that has failed at its start is removed by force, which clusters ask for then.
    """
    has_started = False
    async for _ in _STARTS:
        try:
            await destroy(api, session)
        except NotAuthorized:
            if has_started:
                raise
            status = (await find_session(api, session)).status
            if status == FAILED:
                await destroy(api, session, forced=True)
                return
            # Should it have started since it was refused, it is not refused again for that.
            has_started = status not in STARTING
        else:
            return
