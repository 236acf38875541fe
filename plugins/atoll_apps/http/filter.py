"""Filtering requests to a web service: each head is checked, everything else is copied unchanged.

Responses are matched to their requests, so that a refusal is sent after the responses to earlier
requests, and a connection changes its protocol only after the service has accepted that.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import NoReturn

import trio
from attrs import frozen

from atoll.transport import ByteStream
from atoll_apps.http.messages import (
    Body,
    HeadBuffer,
    Malformed,
    check_request,
    read_request,
    request_body,
)
from atoll_apps.http.responses import PendingResponse, ResponseTracker
from atoll_apps.http.rules import LocalResponse, RequestRules

_CHUNK_SIZE = 256 * 1024
_HEAD_TIMEOUT = 60.0
"""Seconds to receive a head, from its first byte."""
_REFUSAL_TIMEOUT = 10.0
"""Seconds that a refusal waits for the responses before it."""
_UPGRADE_TIMEOUT = 60.0
_LONG_FIRST_LINE = 1024
"""If the first line of a request is longer than this, in bytes, it may arrive in several parts."""
_FIRST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.\d")
_ANY_BEGIN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+$")
_USUAL_BEGIN = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH) /[\x21-\x7e]*(?: [^\r]*)?$")


class RequestRefused(Exception):
    """A request was refused and answered; its connection has to be closed."""


@frozen
class RequestFilter:
    """Decides which requests a port forwards.

    With `sniff`, a connection that does not begin with an HTTP request is copied unchecked. `warn`
    is called with the reason when a request is refused.
    """

    rules: RequestRules
    warn: Callable[[str], None]
    sniff: bool = False


class RequestForwarder:
    """Forwards the requests of one connection that pass the filter."""

    def __init__(
        self, local: trio.SocketStream, request_filter: RequestFilter, responses: ResponseTracker
    ) -> None:
        self._local, self._filter, self._responses = local, request_filter, responses
        self._waiting = b""
        """Bytes that were received and not forwarded yet."""
        self._own_address = local_address(local)

    async def copy_to(self, tunnel: ByteStream) -> None:
        """Forward requests until the client stops sending.

        Raises RequestRefused after a request was refused, BrokenResourceError.
        """
        if not self._filter.sniff or (await self._fill() and looks_like_http(self._waiting)):
            try:
                await self._forward_requests(tunnel)
            except Malformed as error:
                await self._refuse(LocalResponse(error.status, str(error)))
        await tunnel.send_all(self._waiting)
        await tunnel.copy_from(self._local)

    async def _forward_requests(self, tunnel: ByteStream) -> None:
        """Forward requests until the protocol is switched or the client ends its sending."""
        while head := await self._next_head():
            request = read_request(head)
            check_request(request)
            if answer := self._filter.rules.check(request, self._own_address):
                await self._refuse(answer)
            pending = self._responses.expect(request)
            await tunnel.send_all(head)
            try:
                await self._forward_body(request_body(request), tunnel)
            except Malformed:
                self._responses.forget(pending)
                raise
            if pending.upgrades and await _is_switched(pending):
                return

    async def _next_head(self) -> bytes:
        """Return the next head, empty at the end of the stream."""
        if not await self._skip_empty_lines():
            return b""
        reader = HeadBuffer()
        with trio.move_on_after(_HEAD_TIMEOUT):
            while await self._fill():
                head, count = reader.consume(self._waiting)
                self._waiting = self._waiting[count:]
                if head:
                    return head
            return b""
        raise Malformed("The request was not complete in time.", 408)

    async def _skip_empty_lines(self) -> bool:
        """Receive until a request begins; False at the end of the stream."""
        while await self._fill():
            self._waiting = self._waiting.lstrip(b"\r\n")
            if self._waiting:
                return True
        return False

    async def _forward_body(self, body: Body, tunnel: ByteStream) -> None:
        while not body.ended and await self._fill():
            count = body.consume(memoryview(self._waiting))
            piece, self._waiting = self._waiting[:count], self._waiting[count:]
            await tunnel.send_all(piece)

    async def _fill(self) -> bool:
        """Receive if nothing is waiting; False at the end of the stream."""
        if not self._waiting:
            self._waiting = bytes(await self._local.receive_some(_CHUNK_SIZE))
        return bool(self._waiting)

    async def _refuse(self, answer: LocalResponse) -> NoReturn:
        if answer.status == HTTPStatus.FORBIDDEN:
            self._filter.warn(answer.text)
        with trio.move_on_after(_REFUSAL_TIMEOUT):
            await self._responses.all_finished()
            await self._local.send_all(answer.encode())
        raise RequestRefused


def local_address(local: trio.SocketStream) -> str:
    """Return the local IP address of a connection, empty for a unix socket."""
    name = local.socket.getsockname()
    return str(name[0]) if isinstance(name, tuple) else ""


async def _is_switched(pending: PendingResponse) -> bool:
    with trio.move_on_after(_UPGRADE_TIMEOUT):
        await pending.finished.wait()
    return pending.switched


def looks_like_http(first: bytes) -> bool:
    """Whether a connection begins like a request of a browser.

    Browsers send a Host field in each, and the first line in one part unless it is long.
    """
    line, end, _ = first.partition(b"\r\n")
    if not end:
        begin = _ANY_BEGIN if len(first) >= _LONG_FIRST_LINE else _USUAL_BEGIN
        return begin.match(first) is not None
    head, whole, _ = first.partition(b"\r\n\r\n")
    return _FIRST_LINE.fullmatch(line) is not None and not (
        whole and b"\r\nhost:" not in head.lower()
    )
