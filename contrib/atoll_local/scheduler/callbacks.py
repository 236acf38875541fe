"""Telling a session's `callback_url` what happens to it: a POST for each event of the session.

The body is JSON as managers send it: `type` (`session_lifecycle`), `event` (`started`,
`terminated`, …), `session_id` and `when`. Nobody waits for the answers, and a URL that does not
answer is not asked again.
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

from atoll_local import clock
from atoll_local.scheduler.bus import Bus, News
from atoll_local.store.sessions import Sessions
from atoll_local.supervision import Kind, Supervisor

_log = logging.getLogger(__name__)

_PATIENCE = 10
"""Seconds that a URL has to answer."""
_AT_ONCE = 4
_MOST_UNSENT = 64
"""News of a session that are kept for a slow URL, the latest ones."""


def is_callback_url(text: str) -> bool:
    """Say whether this is an address to which news can be posted."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@frozen
class Callbacks:
    """Posts the news of sessions that want to be told of elsewhere."""

    sessions: Sessions
    bus: Bus
    supervisor: Supervisor
    _limiter: anyio.CapacityLimiter = field(factory=lambda: anyio.CapacityLimiter(_AT_ONCE))
    _unsent: dict[str, deque[News]] = field(factory=dict)
    """By session, so that each is told of in order."""

    async def run(self) -> None:
        """Post until cancelled."""
        while True:  # Whoever falls behind is cut off, and listens anew.
            async with self.bus.listen() as stream:
                async for news in stream:
                    with self.supervisor.holding(Kind.CALLBACKS):
                        self._take(news)

    def _take(self, news: News) -> None:
        if not news.name.startswith("session_"):
            return
        if url := self.sessions.get(news.session_id).callback_url:
            self._enqueue(news, url)

    def _enqueue(self, news: News, url: str) -> None:
        is_new = news.session_id not in self._unsent
        self._unsent.setdefault(news.session_id, deque(maxlen=_MOST_UNSENT)).append(news)
        if is_new:
            self.supervisor.start(Kind.DELIVERY, partial(self._deliver, news.session_id, url))

    async def _deliver(self, session_id: str, url: str) -> None:
        unsent = self._unsent[session_id]
        try:
            while unsent:
                await self._post(url, unsent.popleft())
        finally:
            del self._unsent[session_id]

    async def _post(self, url: str, news: News) -> None:
        try:
            await anyio.to_thread.run_sync(
                _send, url, _body(news), limiter=self._limiter, abandon_on_cancel=True
            )
        except (OSError, HTTPException, ValueError) as error:
            _log.info("the callback of session %s fails: %s", news.session_id, error)


def _body(news: News) -> bytes:
    content = {
        "type": "session_lifecycle",
        "event": news.name.removeprefix("session_"),
        "session_id": news.session_id,
        "when": clock.now(),
    }
    return json.dumps(content).encode()


def _send(url: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    # S310: that it is HTTP was checked when the session was made.
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310
    with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
        pass
