"""A stream of bytes over a websocket, in binary frames whose boundaries have no meaning.

Large transfers use such streams. So bytes are copied between socket and frame in one reused buffer
for each direction, and the bytes of a frame are passed on before it is complete.

A websocket can't be closed in one direction. So an empty binary message says that no more bytes
will follow; servers that don't know this ignore the message, and close when they have sent
everything.
"""

import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import trio

from atoll.transport import ChannelClosed
from atoll_websocket.frame_reader import FrameReader
from atoll_websocket.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    FrameError,
    close_payload,
    masked,
    read_close,
)
from atoll_websocket.wire import Wire, new_buffer, watch_over

_INCOMING = 1024 * 1024
_OUTGOING = 512 * 1024
"""The most bytes in one piece; a piece is masked while it is copied, and should fit into the
processor's cache.
"""
_PING_INTERVAL = 30.0
_CLOSE_TIMEOUT = 2.0
_GOODBYE_TIMEOUT = 0.2
_ORDERLY = {1000, 1001, 1005}
_ABNORMAL = 1006


class WebsocketStream(trio.abc.HalfCloseableStream):
    """The bytes of one open websocket, to be used within :func:`running`.

    At the end, `receive_some` returns no bytes if the server has closed in order; otherwise it
    raises BrokenResourceError, whose cause is a ChannelClosed with the code.
    """

    def __init__(self, transport: trio.abc.Stream, early: bytes = b"") -> None:
        self._transport = transport
        watch_over(
            transport.transport_stream if isinstance(transport, trio.SSLStream) else transport
        )
        self._wire = Wire(transport)
        buffer = new_buffer(max(_INCOMING, len(early)))
        buffer[: len(early)] = early
        self._reader = FrameReader(Wire(transport), self._handle_control, buffer, len(early))
        self._ended: ChannelClosed | None = None
        self._sent_eof = False
        self._closed = False
        self._sending = trio.Lock()
        self._torn = False
        """Whether a frame was sent only in part, so that no further frame can be sent."""
        self._controls: deque[tuple[int, bytes]] = deque()
        self._control_waits = trio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether the other side has closed, so that bytes sent to it do not arrive."""
        return self._ended is not None

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return bytes as soon as there are any; empty at the end."""
        return bytes(await self._receive(max_bytes or _INCOMING))

    async def copy_to(
        self, sink: trio.abc.SendStream, passed: Callable[[memoryview], None] | None = None
    ) -> None:
        """Send everything that is received to `sink`, until the end; `passed` is called with the
        sent bytes.
        """
        wire = Wire(sink)
        while piece := await self._receive(_INCOMING):
            await wire.write(piece)
            if passed is not None:
                passed(piece)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        view = memoryview(data)
        for start in range(0, len(view), _OUTGOING):
            await self._send(view[start : start + _OUTGOING])
        if not view:
            await trio.lowlevel.checkpoint()

    async def copy_from(self, source: AsyncIterable[bytes | bytearray]) -> None:
        """Send everything that `source` yields, until its end."""
        if isinstance(source, trio.SocketStream):
            wire, buffer = Wire(source), new_buffer(_OUTGOING)
            while count := await wire.read_into(buffer):
                await self._send(buffer[:count])
        else:
            async for piece in source:
                await self.send_all(piece)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until more bytes can be sent."""
        async with self._sending:
            await self._transport.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        """Tell the other side that no more bytes will follow; it may still send."""
        if not self._sent_eof:
            await self._send(b"")
            self._sent_eof = True

    async def aclose(self) -> None:
        """Close in order, so that everything that was sent arrives. If cancelled, send the close
        frame and do not wait.
        """
        if self._closed:
            return
        self._closed = True
        try:
            with trio.move_on_after(_CLOSE_TIMEOUT), suppress(trio.BrokenResourceError):
                await self._part()
        finally:
            self._reader.close()
            await trio.aclose_forcefully(self._transport)

    async def _part(self) -> None:
        """Send the close frame, and wait for that of the other side."""
        with trio.move_on_after(_GOODBYE_TIMEOUT, shield=True):
            await self._write(CLOSE, close_payload(1000))
        while self._ended is None:
            self._reader.no_more = False
            await self._receive(_INCOMING)

    async def keep_alive(self) -> None:
        """Answer pings, and send some, so that proxies don't close an idle connection."""
        while not self._closed:
            with trio.move_on_after(_PING_INTERVAL) as silence:
                await self._control_waits.wait()
            self._control_waits = trio.Event()
            if silence.cancelled_caught:
                self._controls.append((PING, secrets.token_bytes(4)))
            with suppress(trio.BrokenResourceError):
                while self._controls:
                    await self._write(*self._controls.popleft())

    async def _send(self, data: bytes | memoryview) -> None:
        if self._closed or self._sent_eof:
            raise trio.ClosedResourceError("this stream is closed for sending")
        if self._ended is not None:
            raise _broken(self._ended)
        await self._write(BINARY, data)

    async def _write(self, opcode: int, payload: bytes | memoryview) -> None:
        header, body = masked(opcode, payload)
        await self._take_turn()
        try:
            await self._write_whole(header, body)
        finally:
            self._sending.release()

    async def _take_turn(self) -> None:
        """Acquire the lock; if it is free, without a checkpoint."""
        try:
            self._sending.acquire_nowait()
        except trio.WouldBlock:
            await self._sending.acquire()

    async def _write_whole(self, header: bytes, body: bytes) -> None:
        if self._torn:
            raise _broken(_lost())
        self._torn = True
        try:
            await self._wire.write(header, body)
        except trio.BrokenResourceError as error:
            # The reason may be in the bytes that have not been read yet, so the receiver reports
            # it.
            raise trio.BrokenResourceError(str(error)) from _lost(str(error))
        self._torn = False

    async def _receive(self, limit: int) -> memoryview:
        """Return the next bytes, which are valid until the next call; empty at the end."""
        piece = await self._next(limit)
        if not piece and self._ended is not None and self._ended.code not in _ORDERLY:
            raise _broken(self._ended)
        return piece

    async def _next(self, limit: int) -> memoryview:
        try:
            return await self._reader.next(limit)
        except EOFError:
            silent = ChannelClosed(None, "the connection was closed without a reason", clean=False)
            self._end(silent if self._reader.is_between_frames else _lost())
        except (FrameError, trio.BrokenResourceError) as error:
            self._end(_lost(str(error)))
        return memoryview(b"")

    def _handle_control(self, opcode: int, payload: bytes) -> None:
        """Handle a control frame."""
        if opcode == PING:
            # Another task answers: if sending must wait until the server reads, and the server
            # waits until we read, receiving must continue.
            self._controls.append((PONG, payload))
            self._control_waits.set()
        elif opcode == CLOSE:
            code, reason = read_close(payload)
            self._end(ChannelClosed(code, reason, clean=code in _ORDERLY))

    def _end(self, closed: ChannelClosed) -> None:
        self._ended, self._reader.no_more = closed, True


@asynccontextmanager
async def running(stream: WebsocketStream) -> AsyncIterator[None]:
    """Keep a stream alive during the block, and close it at the end."""
    failure: Exception | None = None
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.keep_alive)
        try:
            yield
        except Exception as error:  # noqa: BLE001  # raised again below, outside the nursery's group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            # The error refers to this frame and so to the stream, which would live until the next
            # garbage collection.
            del failure


def _lost(reason: str = "") -> ChannelClosed:
    return ChannelClosed(_ABNORMAL, reason or "the connection was lost", clean=False)


def _broken(closed: ChannelClosed) -> trio.BrokenResourceError:
    error = trio.BrokenResourceError(str(closed))
    error.__cause__ = closed
    return error
