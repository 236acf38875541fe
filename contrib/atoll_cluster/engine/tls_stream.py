"""A TLS connection on a socket of its own.

anyio's stream awaits something for each record of 16 KiB, which takes longer than to decrypt it.
This one moves all records that are there at once.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Self

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream
from attrs import define, field

_BUFFER = 256 * 1024
_SMALL = 16 * 1024
_ATTEMPT = 3.0
"""Seconds for each address of a node, if it has several."""


@define(eq=False)
class TlsStream(ByteStream):
    """A stream of bytes over TLS, for one task that receives and one that sends.

    Other tasks run before many bytes are moved, but not before a few, so that a byte that a user
    types does not wait for another round of the event loop.
    """

    _sock: ssl.SSLSocket
    _room: memoryview = field(factory=lambda: memoryview(bytearray(_BUFFER)), init=False)
    _waiting: set["asyncio.Future[None]"] = field(factory=set, init=False)
    _has_waited: bool = field(default=True, init=False)

    @classmethod
    async def connect(cls, host: str, port: int, context: ssl.SSLContext) -> Self:
        """Connect as a client; raises OSError and BrokenResourceError."""
        tcp = await _connected(host, port)
        try:
            tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = cls(context.wrap_socket(tcp, do_handshake_on_connect=False))
        except BaseException:
            tcp.close()
            raise
        try:
            await stream._done(stream._sock.do_handshake)
        except BaseException:
            await stream.aclose()
            raise
        return stream

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return all bytes that are there, at most `max_bytes`; waits for the first of them."""
        if not self._has_waited:
            await anyio.lowlevel.checkpoint()
        self._has_waited = False
        room = self._room[:max_bytes]
        filled = await self._done(partial(self._sock.recv_into, room))
        if not filled:
            raise anyio.EndOfStream
        while filled < len(room) and (count := self._more(room[filled:])):
            filled += count
        return bytes(room[:filled])

    async def send(self, item: bytes) -> None:
        """Send bytes; waits while the other side does not accept them."""
        if len(item) > _SMALL:
            await anyio.lowlevel.checkpoint()
        left = memoryview(item)
        while left:
            left = left[await self._done(partial(self._sock.send, left)) :]

    async def send_eof(self) -> None:
        """Fail: TLS can't end one direction."""
        raise NotImplementedError("TLS can't end one direction")

    async def aclose(self) -> None:
        """Close the connection; tasks that wait for it get an error."""
        loop, descriptor = asyncio.get_running_loop(), self._sock.fileno()
        if descriptor >= 0:
            loop.remove_reader(descriptor)
            loop.remove_writer(descriptor)
            self._sock.close()
        for waiting in list(self._waiting):
            if not waiting.done():
                waiting.set_exception(anyio.ClosedResourceError())

    def _more(self, room: memoryview) -> int:
        """Read what is there; 0 if there is nothing now, or if the next call tells why."""
        try:
            return self._sock.recv_into(room)
        except OSError:
            return 0

    async def _done(self, action: Callable[[], int | None]) -> int:
        """Call a function of the socket until it need not wait any more."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return action() or 0
            except ssl.SSLWantReadError:
                await self._ready(loop.add_reader, loop.remove_reader)
            except ssl.SSLWantWriteError:
                await self._ready(loop.add_writer, loop.remove_writer)
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def _ready(
        self,
        watch: Callable[[int, Callable[[], None]], object],
        unwatch: Callable[[int], object],
    ) -> None:
        descriptor = self._sock.fileno()
        if descriptor < 0:
            raise anyio.ClosedResourceError
        self._has_waited = True
        ready = asyncio.get_running_loop().create_future()
        self._waiting.add(ready)
        watch(descriptor, partial(_settle, ready))
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            if self._sock.fileno() == descriptor:
                unwatch(descriptor)


def _settle(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


async def _connected(host: str, port: int) -> socket.socket:
    """Connect to the first address of a host that answers; raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = TimeoutError(f"{host} does not answer")
    for family, kind, protocol, _name, address in found:
        tcp = socket.socket(family, kind, protocol)
        tcp.setblocking(False)
        try:
            with anyio.fail_after(_ATTEMPT if len(found) > 1 else None):
                await loop.sock_connect(tcp, address)
        except BaseException as error:
            tcp.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return tcp
    raise failure
