"""Copy bytes between a client's websocket and a service's socket, in both directions."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import anyio
from attrs import define, field

from atoll_cluster.api.tunnel.frames import BINARY, CLOSE, PING, PONG, BadFrame, FrameReader, header
from atoll_cluster.api.tunnel.splice import ReadinessWatcher, SplicePipe, readable_bytes

_LONGEST = 1024 * 1024
"""The most bytes in one frame."""
_MOST_READ = 16 * 1024
"""The most bytes of a frame that the program reads; the system's kernel moves the others."""
_CLOSE_TIMEOUT = 2.0
ENDED, BROKEN, PROTOCOL_ERROR, RESTARTING = 1001, 1011, 1002, 1012


@define(eq=False)
class Tunnel:
    """Copies bytes in both directions until the service or the client closes its connection.

    It calls `touch` whenever bytes move. With `half_close`, an empty message tells the client that
    the service's output has ended, and the client may continue to send.
    """

    client: socket.socket
    service: socket.socket
    touch: Callable[[], None]
    half_close: bool
    _over: "asyncio.Future[int]" = field(init=False)
    """Set at the end of copying, to the code for closing the websocket."""
    _to_client: "_ToClient" = field(init=False)
    _to_service: "_ToService" = field(init=False)

    async def run(self, stopping: anyio.Event) -> None:
        """Copy until one side ends, or until `stopping` is set."""
        self._over = asyncio.get_running_loop().create_future()
        self._to_client, self._to_service = _ToClient(self), _ToService(self)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._leave_on, stopping)
                code = await self._over
                tasks.cancel_scope.cancel()
            await self._close_politely(code)
        finally:
            self._to_service.close()
            self._to_client.close()

    async def _leave_on(self, stopping: anyio.Event) -> None:
        await stopping.wait()
        self.end(RESTARTING)

    @property
    def is_over(self) -> bool:
        """Whether copying has stopped."""
        return self._over.done()

    def end(self, code: int = ENDED) -> None:
        """Stop copying; then the websocket is closed with `code`."""
        self._stop()
        if not self._over.done():
            self._over.set_result(code)

    def one_way_ended(self) -> None:
        """End the tunnel if, after the regular end of one direction, nothing more can come."""
        if self._to_client.is_done and (self._to_service.is_done or not self.half_close):
            self.end()

    def answer(self, ping: bytes) -> None:
        """Answer a ping of the client."""
        self._to_client.answer(ping)

    def guarded(self, step: Callable[[], None]) -> None:
        """Call `step`; end the tunnel if it fails."""
        try:
            step()
        except BadFrame:
            self.end(PROTOCOL_ERROR)
        except OSError:
            # One connection is broken; if it is the client's, nobody reads the code.
            self.end(BROKEN)
        except Exception as fault:  # noqa: BLE001  # `run` raises it
            self._stop()
            if not self._over.done():
                self._over.set_exception(fault)

    def _stop(self) -> None:
        self._to_service.pause()
        self._to_client.pause()

    async def _close_politely(self, code: int) -> None:
        """Send the close code, then read for a short time until the client closes."""
        loop = asyncio.get_running_loop()
        if not self._to_client.is_between_frames:
            return
        last_output = self._to_client.rest + header(CLOSE, 2) + code.to_bytes(2)
        with anyio.move_on_after(_CLOSE_TIMEOUT), suppress(OSError):
            await loop.sock_sendall(self.client, last_output)
            self.client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(self.client, 65536):
                pass


class _Direction(ABC):
    """One direction of a tunnel; it does not read while the sink's send buffer is full."""

    def __init__(self, tunnel: Tunnel, source: socket.socket, sink: socket.socket) -> None:
        self.is_done = False
        """Whether this direction has ended regularly."""
        self._tunnel = tunnel
        self._source, self._sink = source, sink
        self._source_has_ended = False
        self._source_speaks = ReadinessWatcher.reading(
            source, partial(tunnel.guarded, self._listen)
        )
        self._sink_has_room = ReadinessWatcher.writing(sink, partial(tunnel.guarded, self._go_on))
        self._source_speaks.on()

    def pause(self) -> None:
        """Stop watching both sockets."""
        self._source_speaks.off()
        self._sink_has_room.off()

    def close(self) -> None:
        """Stop watching, and release buffers and pipes."""
        self.pause()

    @abstractmethod
    def _listen(self) -> None:
        """Read from the source."""

    @abstractmethod
    def _send(self) -> None:
        """Send all bytes that were read; raises BlockingIOError if the sink is full."""

    def _go_on(self) -> None:
        try:
            self._send()
        except BlockingIOError:
            self._source_speaks.off()
            self._sink_has_room.on()
        else:
            self._sink_has_room.off()
            if not (self._source_has_ended or self._tunnel.is_over):
                self._source_speaks.on()


class _ToClient(_Direction):
    """From the service to the client: puts the bytes into frames, and answers pings."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel, tunnel.service, tunnel.client)
        self.rest = b""
        """The bytes to send next; after them come those in the pipe, then those in the service."""
        self._pipe = SplicePipe()
        self._piped = 0
        self._left = 0
        """Bytes of the current frame that were not read from the service yet."""
        self._pong: bytes | None = None

    @property
    def is_between_frames(self) -> bool:
        """Whether another frame may follow `rest`."""
        return not self._piped and not self._left

    def answer(self, ping: bytes) -> None:
        """Answer a ping as soon as the client reads; of several pings, answer only the last."""
        self._pong = ping
        self._go_on()

    def close(self) -> None:
        super().close()
        self._pipe.close()

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            some = self._source.recv(_MOST_READ)
            if some:
                self._tell(some)
            else:
                self._end()

    def _tell(self, some: bytes) -> None:
        """Send a frame with these bytes, and with those that follow if `some` is full."""
        if len(some) == _MOST_READ:
            self._left = min(readable_bytes(self._source), _LONGEST - _MOST_READ)
        self.rest = header(BINARY, len(some) + self._left) + some
        self._tunnel.touch()
        self._go_on()

    def _end(self) -> None:
        self.is_done = self._source_has_ended = True
        self._source_speaks.off()
        if self._tunnel.half_close:
            self.rest = header(BINARY, 0)
            self._go_on()
        self._tunnel.one_way_ended()

    def _send(self) -> None:
        while self.rest or self._piped or self._left or self._pong is not None:
            if self.rest:
                more = socket.MSG_MORE if self._left else 0
                self.rest = self.rest[self._sink.send(self.rest, more) :]
            elif self._piped:
                self._piped -= self._pipe.empty_into(self._sink, self._piped)
            elif self._left:
                self._piped = self._pipe.fill_from(self._source, self._left)
                self._left -= self._piped
            elif self._pong is not None:
                self.rest, self._pong = header(PONG, len(self._pong)) + self._pong, None


class _ToService(_Direction):
    """From the client to the service: takes the bytes out of the frames."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel, tunnel.client, tunnel.service)
        self._frames = FrameReader()
        self._rest = memoryview(b"")
        self._service_listens = True

    def close(self) -> None:
        super().close()
        # This object and its callbacks refer to each other, so without this the buffer would stay
        # until the garbage collection.
        self._frames.close()

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            count = self._source.recv_into(self._frames.room())
            if not count:
                self._tunnel.end()
                return
            self._frames.received(count)
            self._go_on()

    def _send(self) -> None:
        self._send_rest()
        while not self._tunnel.is_over and (frame := self._frames.take()) is not None:
            self._handle(*frame)

    def _handle(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._tunnel.end()
        elif opcode == PING:
            self._tunnel.answer(payload)
        elif opcode == BINARY and payload:
            self._tunnel.touch()
            self._rest = memoryview(payload)
            self._send_rest()
        elif opcode == BINARY:
            self.is_done = True
            with suppress(OSError):
                self._sink.shutdown(socket.SHUT_WR)
            self._tunnel.one_way_ended()

    def _send_rest(self) -> None:
        try:
            while self._rest and self._service_listens:
                self._rest = self._rest[self._sink.send(self._rest) :]
        except BlockingIOError:
            raise
        except OSError:
            # The service does not read any more, but it may still send.
            self._service_listens = False
