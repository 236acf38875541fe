"""What happens to sessions, as the cluster tells of it (`GET /events/session`), as long as wanted.

Of one session alone, :mod:`atoll_sessions.session_events` tells more.
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
"""How a stream is asked for again that has ended or broken off."""
_MOST_SESSIONS = 1000
"""How many sessions' last events are kept, to tell news from what is sent twice."""
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
    """Yield what happens to the user's own sessions, or to all that may be seen, once each, from
    now on.

    A stream that breaks off is asked for again; `on_gap` is told, since what happens meanwhile is
    missed.
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
    """Yield the changes that one connection tells of."""
    own = "" if everybody else await api.access_key()
    reply = await api.request(
        "GET", "/events/session", params={"scope": "*"}, stream=True, timeout=None
    )
    async with reply, aclosing(reply.events()) as messages:
        async for message in messages:
            if change := _change(api, message.event, message.data, own):
                yield change


def _change(api: "Api", event: str, text: str, own: str) -> SessionChange | None:
    """Read a message; None for what is about a container alone, or about another's session."""
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
