"""Callbacks: a POST to a session's `callback_url` for each of its events.

The body is JSON as managers send it: `type` (`session_lifecycle`), `event` (`started`,
`terminated`, …), `session_id` and `when`. No session waits for an answer, and a failed request is
not repeated.
"""

import json
import logging
import urllib.request
from collections import deque
from functools import partial
from http.client import HTTPException
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from attrs import field, frozen

from atoll_cluster import clock
from atoll_cluster.scheduler.bus import Bus, SessionEvent
from atoll_cluster.store.sessions import Sessions
from atoll_cluster.supervision import TaskKind, TaskSupervisor

_log = logging.getLogger(__name__)

_TIMEOUT = 10
"""Seconds to wait for the answer of a URL."""
_MOST_CONCURRENT = 4
_MOST_UNSENT = 64
"""How many events of a session are kept for a slow URL: the latest ones."""


def is_callback_url(text: str) -> bool:
    """Return whether events can be posted to this address."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@frozen
class Callbacks:
    """Posts the events of sessions to their callback URLs."""

    sessions: Sessions
    bus: Bus
    supervisor: TaskSupervisor
    _limiter: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(_MOST_CONCURRENT))
    _unsent: dict[str, deque[SessionEvent]] = field(factory=dict)
    """The events to post for each session id, so that each URL gets its events in order."""

    async def run(self) -> None:
        """Post until cancelled."""
        while True:  # The bus disconnects a slow listener, which then listens again.
            async with self.bus.listen() as stream:
                async for event in stream:
                    with self.supervisor.isolate_failure(TaskKind.CALLBACKS):
                        self._take(event)

    def _take(self, event: SessionEvent) -> None:
        if not event.name.startswith("session_"):
            return
        if url := self.sessions.get(event.session_id).callback_url:
            self._enqueue(event, url)

    def _enqueue(self, event: SessionEvent, url: str) -> None:
        is_new = event.session_id not in self._unsent
        self._unsent.setdefault(event.session_id, deque(maxlen=_MOST_UNSENT)).append(event)
        if is_new:
            self.supervisor.start(TaskKind.DELIVERY, partial(self._deliver, event.session_id, url))

    async def _deliver(self, session_id: str, url: str) -> None:
        unsent = self._unsent[session_id]
        try:
            while unsent:
                await self._post(url, unsent.popleft())
        finally:
            del self._unsent[session_id]

    async def _post(self, url: str, event: SessionEvent) -> None:
        try:
            await anyio.to_thread.run_sync(
                _send, url, _body(event), limiter=self._limiter, abandon_on_cancel=True
            )
        except (OSError, HTTPException, ValueError) as error:
            _log.info("the callback of session %s failed: %s", event.session_id, error)


def _body(event: SessionEvent) -> bytes:
    content = {
        "type": "session_lifecycle",
        "event": event.name.removeprefix("session_"),
        "session_id": event.session_id,
        "when": clock.now(),
    }
    return json.dumps(content).encode()


def _send(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    # S310: the URL was checked to be HTTP when the session was created.
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310
        pass
