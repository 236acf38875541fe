"""Parses the responses of a service as far as necessary to match each to its request."""

from collections import deque
from http import HTTPStatus

import h11
import trio
from attrs import define, field

from atoll_apps.http.messages import (
    Body,
    HeadBuffer,
    Malformed,
    read_status,
    response_body,
    wants_upgrade,
)


@define(eq=False)
class PendingResponse:
    """The response to a request that was forwarded, until it is complete."""

    method: bytes
    upgrades: bool
    finished: trio.Event = field(factory=trio.Event)
    switched: bool = False


class ResponseTracker:
    """Matches the responses of a service to its requests; `feed` gets every byte it sends."""

    def __init__(self) -> None:
        self._pending: deque[PendingResponse] = deque()
        self._head = HeadBuffer()
        self._body: Body | None = None
        self._stopped = False

    def expect(self, request: h11.Request) -> PendingResponse:
        """Add a request, which is answered after those before it."""
        pending = PendingResponse(request.method, wants_upgrade(request))
        self._pending.append(pending)
        if self._stopped:
            pending.finished.set()
        return pending

    def forget(self, pending: PendingResponse) -> None:
        """Remove the last request, to which no response comes, unless one has begun."""
        has_begun = self._pending and self._pending[0] is pending and self._has_begun
        if not has_begun and pending in self._pending:
            self._pending.remove(pending)

    @property
    def _has_begun(self) -> bool:
        return self._body is not None or self._head.has_begun

    async def all_finished(self) -> None:
        """Wait until every request has its response."""
        while self._pending and not self._stopped:
            await self._pending[-1].finished.wait()

    def feed(self, data: memoryview) -> None:
        """Parse what has been sent to the client."""
        if self._stopped:
            return
        at = 0
        try:
            while at < len(data) and not self._stopped:
                at += self._parse(data[at:])
        except Malformed:
            self._stop()

    def _parse(self, data: memoryview) -> int:
        if self._body is not None:
            count = self._body.consume(data)
        else:
            head, count = self._head.consume(data)
            if head:
                self._begin_body(head)
        if self._body is not None and self._body.ended:
            self._body = None
            self._pending.popleft().finished.set()
        return count

    def _begin_body(self, head: bytes) -> None:
        if not self._pending:
            raise Malformed("There is no request for this response.")
        status, pending = read_status(head), self._pending[0]
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            pending.switched = pending.upgrades
            self._stop()
        elif status >= HTTPStatus.OK:
            self._body = response_body(pending.method, status, head)

    def _stop(self) -> None:
        """Stop parsing, since the following bytes are not HTTP responses."""
        self._stopped = True
        for pending in self._pending:
            pending.finished.set()
