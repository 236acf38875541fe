"""A stream of bytes over a websocket: binary frames, whose limits mean nothing.

Large transfers go through here, so bytes are moved from socket to frame and from frame to socket
in one reused buffer for each direction, and a frame is passed on before it has come whole.

A websocket can't be closed in one direction. An empty binary message says that no more will come
that way; servers that don't know this take it for what it is, nothing, and close when they have
sent all they have.
"""

import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import trio

from atoll.transport import ChannelClosed
from atoll_websocket.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    FrameError,
    close_payload,
    masked,
    read_close,
    read_header,
)

BUFFER = 256 * 1024
"""Bytes in one piece, at most."""
_PING_INTERVAL = 30.0
_CLOSE_TIMEOUT = 2.0
_FAREWELL = 0.2
_ORDERLY = {1000, 1001, 1005}
_ABNORMAL = 1006
_WORTH_PARTING = 16 * 1024


class WebsocketStream(trio.abc.HalfCloseableStream):
    """The bytes of one open websocket; :func:`running` must go on while it is in use.

    At the end, `receive_some` returns nothing when the server has closed in order; otherwise it
    raises BrokenResourceError, whose cause is the ChannelClosed that tells the code.
    """

    def __init__(self, transport: trio.abc.Stream, early: bytes = b"") -> None:
        self._transport = transport
        self._socket = transport.socket if isinstance(transport, trio.SocketStream) else None
        self._buffer = memoryview(bytearray(BUFFER))
        self._buffer[: len(early)] = early
        self._start, self._end = 0, len(early)
        self._left = 0
        """Bytes of the current frame that have not been taken out of the buffer yet."""
        self._is_data = False
        self._ended: ChannelClosed | None = None
        self._eof = False
        self._sent_eof = False
        self._closed = False
        self._sending = trio.Lock()
        self._torn = False
        """Whether a frame was sent in part only, so that nothing can follow it."""
        self._controls: deque[tuple[int, bytes]] = deque()
        self._control_waits = trio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed, so that nothing it is sent arrives."""
        return self._ended is not None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return some bytes as soon as there are any, none at the end."""
        return bytes(await self._receive(max_bytes or BUFFER))

    async def copy_to(self, sink: trio.abc.SendStream) -> None:
        """Send all that comes to `sink`, until the end."""
        while piece := await self._receive(BUFFER):
            await sink.send_all(piece)

    async def copy_from(self, source: AsyncIterable[bytes | bytearray]) -> None:
        """Send all that comes from `source`, until its end."""
        if not isinstance(source, trio.SocketStream):
            async for piece in source:
                await self.send_all(piece)
            return
        buffer = memoryview(bytearray(BUFFER))
        while count := await _receive_into(source.socket, buffer):
            await self._send(BINARY, buffer[:count])

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        view = memoryview(data)
        for start in range(0, len(view), BUFFER):
            await self._send(BINARY, view[start : start + BUFFER])
        if not view:
            await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until there is room for more."""
        async with self._sending:
            await self._transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Say that no more will come; what the other side sends still does."""
        if not self._sent_eof:
            await self._send(BINARY, b"")
            self._sent_eof = True

    async def aclose(self) -> None:
        """Close in order: what was sent arrives. Cancelled, it says so and does not wait."""
        if self._closed:
            return
        self._closed = True
        try:
            with trio.move_on_after(_CLOSE_TIMEOUT), suppress(trio.BrokenResourceError):
                await self._part()
        finally:
            await trio.aclose_forcefully(self._transport)

    async def _part(self) -> None:
        """Send the last frame, and wait for the other side's."""
        with trio.move_on_after(_FAREWELL, shield=True):
            await self._write(CLOSE, close_payload(1000))
        while self._ended is None:
            self._eof = False
            await self._receive(BUFFER)

    async def keep_alive(self) -> None:
        """Answer pings, and send some, lest something on the way takes silence for the end."""
        while not self._closed:
            with trio.move_on_after(_PING_INTERVAL) as silence:
                await self._control_waits.wait()
            self._control_waits = trio.Event()
            if silence.cancelled_caught:
                self._controls.append((PING, secrets.token_bytes(4)))
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while self._controls:
                    await self._write(*self._controls.popleft())

    async def _send(self, opcode: int, payload: bytes | memoryview) -> None:
        if self._closed or self._sent_eof:
            raise trio.ClosedResourceError("this stream is closed for sending")
        if self._ended is not None:
            raise self._broken()
        await self._write(opcode, payload)

    async def _write(self, opcode: int, payload: bytes | memoryview) -> None:
        header, body = masked(opcode, payload)
        async with self._sending:
            if self._torn:
                raise trio.BrokenResourceError from _torn_off()
            self._torn = True
            try:
                await self._write_parts(header, body)
            except trio.BrokenResourceError as error:
                # Why, may be among what has not been read yet: that is for the receiver to find.
                raise trio.BrokenResourceError(str(error)) from _torn_off(str(error))
            self._torn = False

    async def _write_parts(self, header: bytes, body: bytes) -> None:
        if self._socket is None or len(body) < _WORTH_PARTING:
            await self._transport.send_all(header + body)
            return
        # Both go without being put together first, which would copy the larger one.
        with _as_broken():
            sent = await self._socket.sendmsg([header, body])
        if sent < len(header):
            await self._transport.send_all(header[sent:])
        if sent < len(header) + len(body):
            await self._transport.send_all(memoryview(body)[max(0, sent - len(header)) :])

    async def _receive(self, limit: int) -> memoryview:
        """Return the next bytes, good until the next call, and none at the end."""
        while not self._eof:
            if self._left and self._start < self._end:
                piece = self._take(min(self._left, self._end - self._start, limit))
                if self._is_data:
                    return piece
            elif self._left or not self._begin_frame():
                await self._fill()
        if self._ended is not None and self._ended.code not in _ORDERLY:
            raise self._broken()
        return self._buffer[:0]

    def _take(self, count: int) -> memoryview:
        piece = self._buffer[self._start : self._start + count]
        self._start += count
        self._left -= count
        return piece

    def _begin_frame(self) -> bool:
        """Take the next frame's header, and all of the frame if it is a control; False if more
        bytes are needed for it.
        """
        try:
            header = read_header(self._buffer[self._start : self._end])
        except FrameError as error:
            self._end_with(ChannelClosed(None, str(error), clean=False))
            raise self._broken() from None
        if header is None:
            return False
        if header.is_control:
            return self._control(header.opcode, header.size, header.length)
        self._start += header.size
        self._left = header.length
        if header.opcode != CONTINUATION:
            self._is_data = header.opcode == BINARY
            self._eof = self._is_data and header.final and not header.length
        return True

    def _control(self, opcode: int, header_size: int, length: int) -> bool:
        begin = self._start + header_size
        if begin + length > self._end:
            return False
        payload = bytes(self._buffer[begin : begin + length])
        self._start = begin + length
        if opcode == PING:
            self._say(PONG, payload)
        elif opcode == CLOSE:
            code, reason = read_close(payload)
            self._end_with(ChannelClosed(code, reason, clean=code in _ORDERLY))
        return True

    def _end_with(self, closed: ChannelClosed) -> None:
        self._ended, self._eof = closed, True

    def _say(self, opcode: int, payload: bytes) -> None:
        # Left to another task: if sending has to wait for the server to read, and the server for
        # us, receiving must go on.
        self._controls.append((opcode, payload))
        self._control_waits.set()

    async def _fill(self) -> None:
        """Receive more into the buffer; what is left in it is no more than part of a header or of
        a control frame.
        """
        rest = self._end - self._start
        if rest:
            self._buffer[:rest] = bytes(self._buffer[self._start : self._end])
        self._start, self._end = 0, rest
        try:
            count = await self._receive_into(self._buffer[rest:])
        except trio.BrokenResourceError as error:
            self._end_with(_torn_off(str(error)))
            raise self._broken() from None
        if not count:
            torn = self._left or rest
            silent = ChannelClosed(None, "the connection was closed without a word", clean=False)
            self._end_with(_torn_off() if torn else silent)
            raise self._broken()
        self._end += count

    async def _receive_into(self, room: memoryview) -> int:
        if self._socket is not None:
            with _as_broken():
                return await self._socket.recv_into(room)
        some = await self._transport.receive_some(len(room))
        room[: len(some)] = some
        return len(some)

    def _broken(self) -> trio.BrokenResourceError:
        error = trio.BrokenResourceError(str(self._ended))
        error.__cause__ = self._ended
        return error


@asynccontextmanager
async def running(stream: WebsocketStream) -> AsyncIterator[None]:
    """Keep a stream alive, and close it at the end."""
    failure: Exception | None = None
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.keep_alive)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again below, outside the nursery's group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _receive_into(socket: trio.socket.SocketType, buffer: memoryview) -> int:
    with _as_broken():
        return await socket.recv_into(buffer)


def _torn_off(reason: str = "") -> ChannelClosed:
    return ChannelClosed(_ABNORMAL, reason or "the connection was lost", clean=False)


@contextmanager
def _as_broken() -> Iterator[None]:
    """Raise what trio's streams would."""
    try:
        yield
    except OSError as error:
        raise trio.BrokenResourceError(str(error)) from error
