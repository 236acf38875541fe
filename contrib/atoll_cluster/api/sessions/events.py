"""`GET /events/session`: send the events of sessions as server-sent events."""

import json
from collections.abc import AsyncIterator

import anyio
from attrs import frozen
from starlette.responses import Response, StreamingResponse

from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.call import Call, Routes, route
from atoll_cluster.scheduler.bus import SessionEvent
from atoll_cluster.store.records import Session

_KEEP_ALIVE = 20.0
"""Seconds without events after which a comment is sent, which fails if the client is gone."""


@frozen(kw_only=True)
class Selection:
    """Selects the events that a client has requested and may see."""

    caller: Caller
    name: str
    session_id: str | None
    group_id: str | None
    scopes: frozenset[str]

    def takes(self, event: SessionEvent, session: Session) -> bool:
        """Return whether the client gets this event."""
        scope = event.name.partition("_")[0]
        return (
            bool(self.scopes & {"*", scope})
            and self.session_id in {None, session.id}
            and self.name in {"*", session.name}
            and self.group_id in {None, session.group_id}
            and self._may_see(session)
        )

    def _may_see(self, session: Session) -> bool:
        if self.caller.is_superadmin:
            return True
        if session.domain_name != self.caller.user.domain_name:
            return False
        return self.caller.is_domain_admin or session.user_uuid == self.caller.user.uuid


async def session_events(call: Call) -> Response:
    """Send new events until the client disconnects or the program stops."""
    selection = _selection(call)
    return StreamingResponse(
        _stream(call, selection),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


def _selection(call: Call) -> Selection:
    params, caller = call.params, call.caller
    owner = call.owner
    group = params.text("group", "groupName", "group_name") or "*"
    found = call.cluster.store.accounts.group_by_name(group, caller.user.domain_name)
    return Selection(
        # If the request names an owner, the permissions are those of the owner.
        caller=caller if owner == caller else owner,
        name=params.text("name", "sessionName", "session_name") or "*",
        session_id=params.text("sessionId", "session_id"),
        group_id=None if group == "*" else found.id if found else "",
        scopes=frozenset((params.text("scope") or "*").split(",")),
    )


async def _stream(call: Call, selection: Selection) -> AsyncIterator[str]:
    sessions = call.cluster.store.sessions
    async with call.cluster.bus.listen() as events:
        # The first comment makes the server send the headers: the client sees the connection.
        yield ": listening\n\n"
        while True:
            try:
                with anyio.fail_after(_KEEP_ALIVE):
                    event = await events.receive()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            except anyio.EndOfStream:
                return
            session = sessions.get(event.session_id)
            if selection.takes(event, session):
                yield _format(event, session)


def _format(event: SessionEvent, session: Session) -> str:
    data = {
        "reason": event.reason,
        "sessionName": session.name,
        "ownerAccessKey": session.access_key,
        "sessionId": session.id,
        "exitCode": event.exit_code,
        **event.kernel,
    }
    return f"event: {event.name}\ndata: {json.dumps(data)}\n\n"


ROUTES: Routes = (route("GET", "/events/session", session_events),)
