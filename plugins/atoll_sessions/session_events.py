"""Events of a session as they happen (`GET /events/session`, server-sent events).

Releases differ: 23.09 refuses parameters that it does not know, 26.x sends the events of all
sessions even if one was requested, and both send some events several times. Past events are not
sent, so query the session's status after the stream has begun.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import trio
from attrs import define, field, frozen

from atoll import NotFound, Problem, Unreachable
from atoll.outages import Backoff, is_permanent, is_transient
from atoll.reading import Malformed, maybe
from atoll_sessions.model import Session
from atoll_sessions.queries import get_session
from atoll_sessions.statuses import FINAL

if TYPE_CHECKING:
    from atoll import Api, Reply

_LAST = ("session_terminated", "session_cancelled", "session_error")
_DATA = {
    "reason": maybe(str),
    "exitCode": maybe(int),
    "kernelId": maybe(str),
    "clusterRole": maybe(str),
}
_OUTAGE = Backoff(first=0.5, longest=30.0, patience=300.0)
"""How long a cluster may be out of reach before the watch fails."""


@frozen(kw_only=True)
class SessionEvent:
    """An event, with the cluster's name for it; `time` is when it arrived, in ISO 8601.

    `kernel_id` and `cluster_role` (`main` or `sub`) are those of the container that the event is
    about. 26.x sends no exit codes.
    """

    time: str
    event: str
    reason: str = ""
    exit_code: int | None = None
    kernel_id: str | None = None
    cluster_role: str | None = None

    @classmethod
    def from_data(cls, name: str, data: dict[str, Any]) -> "SessionEvent":
        """Make an event from its name and data; its time is now."""
        return cls(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            event=name,
            reason=data.get("reason") or "",
            exit_code=data.get("exitCode"),
            kernel_id=data.get("kernelId"),
            cluster_role=data.get("clusterRole"),
        )

    @property
    def scope(self) -> str:
        """What the event is about: `session` or `kernel`."""
        return self.event.partition("_")[0]

    @property
    def is_last(self) -> bool:
        """Whether this is the session's last event."""
        return self.event in _LAST


@define
class Watch:
    """Follows the events of one session until `stops` is true for one; `say` is called with
    remarks.

    `scope` is `session` or `kernel` to get only such events, `*` for both. A session for which
    `done` is true at the start is not watched. `last` is the event that stopped the watch, None if
    there was nothing to wait for.
    """

    api: "Api"
    session_id: str
    owner: str | None
    scope: str
    say: Callable[[str], None]
    stops: Callable[[SessionEvent], bool] = lambda event: event.is_last
    done: Callable[[Session], bool] = lambda session: session.status in FINAL
    last: SessionEvent | None = field(default=None, init=False)
    _newest: dict[str | None, str] = field(factory=dict, init=False)
    """The newest event of each container, and of the session itself."""

    async def run(self, send: trio.MemorySendChannel[SessionEvent]) -> None:
        """Send events up to the session's last one; after a lost connection, connect again.

        Raises Unreachable if the cluster can't be reached for some minutes. The channel must have
        room for all events.
        """
        async with send:
            reply = await self._subscribe()
            greeting = "watching until the session ends; Ctrl-C stops watching"
            while not await self._follow(reply, send, greeting):
                self.say("the event stream was lost; connecting again")
                reply = await self._subscribe_again()
                greeting = "connected again; events in between were missed"

    async def _follow(
        self, reply: "Reply", send: trio.MemorySendChannel[SessionEvent], greeting: str
    ) -> bool:
        """Send the events of one connection; returns whether the session has ended."""
        with trio.CancelScope() as ended, suppress(Unreachable):
            async with reply:
                if await self._is_done():
                    return True
                self.say(greeting)
                async for message in reply.events():
                    event = self._event(message.event, message.data)
                    if event is None or ended.cancel_called:
                        continue
                    # Events are filtered here by their scope, since the session's last event ends
                    # the watch in any scope.
                    if self.scope in ("*", event.scope):
                        send.send_nowait(event)
                    if self.stops(event):
                        self.last = event
                        # The loop is not left by `break`: the generator would then be closed while
                        # it waits for data.
                        ended.cancel()
        return ended.cancel_called

    async def _subscribe(self) -> "Reply":
        params = {"sessionId": self.session_id, "scope": "*", "ownerAccessKey": self.owner}
        return await self.api.request(
            "GET", "/events/session", params=params, stream=True, timeout=None
        )

    async def _subscribe_again(self) -> "Reply":
        # If a cluster ends its streams as soon as they begin, pause before the next connection.
        await trio.sleep(_OUTAGE.first)
        return await _OUTAGE.retry(self._subscribe, passes=_passes)

    async def _is_done(self) -> bool:
        """Check whether there is anything to wait for, and say so if not."""
        try:
            session = await get_session(
                self.api, self.session_id, ["name", "status", "status_info"]
            )
        except (Problem, NotFound):
            return False  # of another user's session, only the events may be visible
        if not self.done(session):
            return False
        reason = f": {session.status_info}" if session.status_info else ""
        ended = " has ended already; it" if session.status in FINAL else ""
        self.say(f"session {session.name}{ended} is {session.status}{reason}")
        return True

    def _event(self, name: str, text: str) -> SessionEvent | None:
        """Parse an event from a message; returns None if it is not wanted."""
        try:
            data = self.api.decode(text, _DATA)
        except Malformed:
            return None
        if data.get("sessionId") != self.session_id:
            return None
        event = SessionEvent.from_data(name, data)
        subject = event.kernel_id if event.scope == "kernel" else None
        if self._newest.get(subject) == name:
            return None
        self._newest[subject] = name
        return event


def _passes(error: Exception) -> bool:
    """Tell whether to connect again after an error: a proxy may answer while the cluster
    restarts.
    """
    is_broken = isinstance(error, Problem) and error.status >= 500 and not is_permanent(error)
    return is_broken or is_transient(error)
