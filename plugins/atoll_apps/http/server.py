"""A small HTTP server for programs and pages of this user, which checks each request."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

import h11
import trio

from atoll_apps.http.filter import local_address
from atoll_apps.http.messages import Malformed, check_request
from atoll_apps.http.rules import RequestRules
from atoll_apps.ports.closing import close_in_order

_CHUNK_SIZE = 64 * 1024
_IDLE_TIMEOUT = 120.0
"""Seconds to wait for a request, for the rest of its head, and for more of its body."""
_PROBLEMS = {403: "forbidden", 404: "generic-not-found", 502: "bad-gateway"}

Handler = Callable[["Connection", h11.Request], Awaitable[None]]
"""Responds to a request, or takes over its connection; may raise Malformed."""


async def serve_connection(handle: Handler, rules: RequestRules, local: trio.SocketStream) -> None:
    """Serve the requests of a connection until it is closed or one is refused."""
    connection = Connection(local)
    disconnected = (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError)
    with suppress(*disconnected):
        try:
            await _serve_requests(handle, rules, connection)
        except Malformed as error:
            await connection.refuse(error.status, str(error))
        except h11.RemoteProtocolError as error:
            await connection.refuse(error.error_status_hint, str(error))


async def _serve_requests(handle: Handler, rules: RequestRules, connection: "Connection") -> None:
    while (request := await connection.next_request()) is not None:
        check_request(request)
        if refusal := rules.check(request, connection.here):
            await connection.refuse(refusal.status, refusal.text)
            return
        await handle(connection, request)
        if not connection.start_next():
            return


class Connection:
    """The connection of a client: receives requests and sends responses."""

    def __init__(self, local: trio.SocketStream) -> None:
        self.local = local
        self.here = local_address(local)
        """The local IP address, empty for a unix socket."""
        self._h11 = h11.Connection(h11.SERVER)
        self.wants_head_alone = False

    async def next_request(self) -> h11.Request | None:
        """Return the head of the next request, None at the end of the stream.

        Raises RemoteProtocolError of h11 for an invalid request, Malformed for one too slow.
        """
        event = await self._next_event_in_time()
        if not isinstance(event, h11.Request):
            return None
        self.wants_head_alone = event.method == b"HEAD"
        return event

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the body of the request as it arrives; raises as `next_request` does."""
        while isinstance(event := await self._next_event_in_time(), h11.Data):
            yield bytes(event.data)

    async def drop_body(self) -> None:
        """Read and drop the rest of the body, since the cluster may answer before it has read all
        of it.
        """
        if self._h11.their_state is h11.SEND_BODY:
            async for _ in self.body():
                pass

    def trailing_data(self) -> bytes:
        """Return the bytes that were received after the head of the request."""
        return bytes(self._h11.trailing_data[0])

    def start_next(self) -> bool:
        """Prepare for the next request; False if the connection has to be closed."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        return True

    async def refuse(self, status: int, reason: str) -> None:
        """Respond with a problem, and close the connection."""
        if self._h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self.answer(status, reason)
            await close_in_order(self.local)

    async def answer(self, status: int, reason: str) -> None:
        """Respond with a problem (RFC 7807), the last response of the connection."""
        kind = "https://api.backend.ai/probs/" + _PROBLEMS.get(status, "generic-bad-request")
        body = json.dumps({"type": kind, "title": reason}).encode()
        await self.reply(status, body, "application/problem+json", [("Connection", "close")])

    async def reply(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "application/json",
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Send a complete response; to a `HEAD` request, only its head."""
        fields = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        await self.send_head(status, [*fields, *headers])
        if body and not self.wants_head_alone:
            await self.send(body)
        await self.send_end()

    async def send_head(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of the response."""
        await self._send(h11.Response(status_code=status, headers=headers))

    async def send(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send(h11.Data(data=data))

    async def send_end(self) -> None:
        """Send the end of the response."""
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        if (data := self._h11.send(event)) is not None:
            await self.local.send_all(data)

    async def _next_event_in_time(self) -> object:
        with trio.move_on_after(_IDLE_TIMEOUT):
            return await self._next_event()
        if self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]:
            return None
        raise Malformed("The request was not complete in time.", 408)

    async def _next_event(self) -> object:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            if self._h11.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._h11.receive_data(await self.local.receive_some(_CHUNK_SIZE))
        return event
