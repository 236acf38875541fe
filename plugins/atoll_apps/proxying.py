"""One connection to the proxy: its requests are signed and sent on, the answers come back whole."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import h11
import trio

from atoll import AtollError
from atoll_apps.guard import Rules
from atoll_apps.http_messages import Malformed, check_request
from atoll_apps.passing import handshake_headers, passed_back, passed_on
from atoll_apps.relay import part, splice
from atoll_apps.web import local_address

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Response

_PIECE = 64 * 1024
_IDLE = 120.0
"""Seconds that a connection may stay without a request, a request without its whole head, and a
body without any more of it."""
_PROBLEMS = {403: "forbidden", 502: "bad-gateway"}


async def serve_connection(api: "Api", rules: Rules, local: trio.SocketStream) -> None:
    """Serve requests until either side closes, or one is refused."""
    connection = Connection(local)
    gone = (trio.BrokenResourceError, trio.ClosedResourceError, h11.LocalProtocolError)
    with suppress(*gone):
        try:
            await _serve_requests(api, rules, connection)
        except Malformed as error:
            await connection.refuse(error.status, str(error))
        except h11.RemoteProtocolError as error:
            await connection.refuse(error.error_status_hint, str(error))


async def _serve_requests(api: "Api", rules: Rules, connection: "Connection") -> None:
    while (request := await connection.next_request()) is not None:
        check_request(request)
        _check_text(request)
        if refusal := rules.refusal(request, connection.here):
            await connection.refuse(refusal.status, refusal.text)
            return
        if _is_websocket(request):
            await _upgrade(api, connection, request)
            return
        await _exchange(api, connection, request)
        if not connection.start_next():
            return


def _check_text(request: h11.Request) -> None:
    """Check that what is signed can be written in ASCII, as it must be; raises Malformed."""
    for name, value in request.headers:
        if not value.isascii():
            raise Malformed(f"The field {name.decode()} is not in ASCII.")


def _is_websocket(request: h11.Request) -> bool:
    return any(
        name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers
    )


async def _upgrade(api: "Api", connection: "Connection", request: h11.Request) -> None:
    """Pass a websocket's handshake on, and then the bytes as they are."""
    draft = passed_on(request, None)
    try:
        async with api.pass_on_upgrade(
            draft.path, draft.query, handshake_headers(request)
        ) as stream:
            await splice(connection.local, stream, early=connection.trailing_data())
    except AtollError as error:
        await connection.answer(502, str(error))


async def _exchange(api: "Api", connection: "Connection", request: h11.Request) -> None:
    fields = dict(request.headers)
    origin = fields.get(b"origin", b"").decode("ascii")
    if request.method == b"OPTIONS" and origin:
        await connection.drop_body()
        await connection.send_head(204, passed_back({}, origin))
        await connection.send_end()
        return
    try:
        response = await api.pass_on(passed_on(request, connection.body()))
    except AtollError as error:
        await connection.answer(502, str(error))
        return
    try:
        await connection.drop_body()
        await _return(connection, response, origin)
    finally:
        with trio.CancelScope(shield=True):
            await response.aclose()


async def _return(connection: "Connection", response: "Response", origin: str) -> None:
    await connection.send_head(response.status, passed_back(response.headers, origin))
    try:
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                await connection.send(chunk)
    except AtollError:
        # The head is out already: only a cut tells that this is not all of it.
        await connection.local.aclose()
        return
    await connection.send_end()


class Connection:
    """A client's connection, request by request."""

    def __init__(self, local: trio.SocketStream) -> None:
        self.local = local
        self.here = local_address(local)
        """The address at which it came."""
        self._h11 = h11.Connection(h11.SERVER)

    async def next_request(self) -> h11.Request | None:
        """Return the head of the next request, None at the end.

        Raises RemoteProtocolError of h11 for what is none, Malformed when it takes too long.
        """
        event = await self._in_time()
        return event if isinstance(event, h11.Request) else None

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it comes; raises as `next_request` does."""
        while isinstance(event := await self._in_time(), h11.Data):
            yield bytes(event.data)

    async def drop_body(self) -> None:
        """Take what has not been read of the body, which may be more than the cluster wanted."""
        if self._h11.their_state is h11.SEND_BODY:
            async for _ in self.body():
                pass

    def trailing_data(self) -> bytes:
        """Return what came after the request's head already."""
        return bytes(self._h11.trailing_data[0])

    def start_next(self) -> bool:
        """Get ready for the next request; False if the connection ends here."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        return True

    async def refuse(self, status: int, reason: str) -> None:
        """Answer a request that was not passed on, and end the connection with that."""
        if self._h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            await self.answer(status, reason)
            await part(self.local)

    async def answer(self, status: int, reason: str) -> None:
        """Answer with a problem of our own."""
        kind = "https://api.backend.ai/probs/" + _PROBLEMS.get(status, "generic-bad-request")
        body = json.dumps({"type": kind, "title": reason}).encode()
        fields = [("Content-Type", "application/problem+json"), ("Content-Length", str(len(body)))]
        await self.send_head(status, [*fields, ("Connection", "close")])
        await self.send(body)
        await self.send_end()

    async def send_head(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Begin the answer."""
        await self._send(h11.Response(status_code=status, headers=headers))

    async def send(self, data: bytes) -> None:
        """Send some of the answer's body."""
        await self._send(h11.Data(data=data))

    async def send_end(self) -> None:
        """End the answer."""
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        if (data := self._h11.send(event)) is not None:
            await self.local.send_all(data)

    async def _in_time(self) -> object:
        with trio.move_on_after(_IDLE):
            return await self._next_event()
        if self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]:
            return None
        raise Malformed("The request does not come.", 408)

    async def _next_event(self) -> object:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            if self._h11.they_are_waiting_for_100_continue:
                await self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._h11.receive_data(await self.local.receive_some(_PIECE))
        return event
