"""Yields changes of sessions from the cluster's events (`GET /events/session`), as long as the
caller reads them.

For one session, :mod:`atoll_sessions.session_events` gives more detail.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import trio

from atoll import AtollError
from atoll.outages import Backoff
from atoll.reading import Malformed, maybe
from atoll_sessions.hooks import SessionChange

if TYPE_CHECKING:
    from atoll import Api

_OUTAGE = Backoff(first=1.0, longest=30.0, jitter=0.2)
"""How a stream that has ended or broken off is opened again."""
_MOST_SESSIONS = 1000
"""For how many sessions the last event is kept, to recognize events that are sent twice."""
_DATA = {
    "sessionId": str,
    "sessionName": maybe(str),
    "ownerAccessKey": maybe(str),
    "reason": maybe(str),
    "exitCode": maybe(int),
}


async def session_changes(
    api: "Api", *, everybody: bool = False, on_gap: Callable[[], object] = lambda: None
) -> AsyncGenerator[SessionChange]:
    """Yield each change of the user's own sessions once, from now on; with `everybody`, of all
    sessions that the user may see.

    A stream that breaks off is opened again. `on_gap` is called then, since the events in between
    are lost.
    """
    newest: OrderedDict[str, str] = OrderedDict()
    outage = _OUTAGE.retrying()
    while True:
        try:
            async with aclosing(_stream(api, everybody=everybody)) as stream:
                async for change in stream:
                    outage.reset()
                    if newest.get(change.session_id) != change.event:
                        newest[change.session_id] = change.event
                        newest.move_to_end(change.session_id)
                        if len(newest) > _MOST_SESSIONS:
                            newest.popitem(last=False)
                        yield change
        except AtollError as error:
            on_gap()
            await outage.wait(error)
        else:
            on_gap()
            await trio.sleep(_OUTAGE.first)


async def _stream(api: "Api", *, everybody: bool) -> AsyncGenerator[SessionChange]:
    """Yield the changes from one connection."""
    own = "" if everybody else await api.access_key()
    reply = await api.request(
        "GET", "/events/session", params={"scope": "*"}, stream=True, timeout=None
    )
    async with reply, aclosing(reply.events()) as messages:
        async for message in messages:
            if change := _change(api, message.event, message.data, own):
                yield change


def _change(api: "Api", event: str, text: str, own: str) -> SessionChange | None:
    """Parse a message; returns None if it concerns only a container, or the session of somebody
    else.
    """
    if not event.startswith("session_"):
        return None
    try:
        data = api.decode(text, _DATA)
    except Malformed:
        return None
    if own and data.get("ownerAccessKey") not in (None, own):
        return None
    return SessionChange(
        session_id=data["sessionId"],
        session_name=data.get("sessionName") or "",
        event=event,
        reason=data.get("reason") or "",
        exit_code=data.get("exitCode"),
    )
