"""A websocket's connection that was taken over, and a service's: bytes go from one to the other."""

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import anyio
from attrs import define, field

from atoll_local.api.frames import BINARY, CLOSE, PING, PONG, BadFrame, FrameReader, header
from atoll_local.api.moving import Pipe, Watch, waiting

_LONGEST = 1024 * 1024
"""Bytes in one frame, at most."""
_LOOKED_AT = 16 * 1024
"""Bytes of a frame that pass through the program; the others stay in the kernel."""
_FAREWELL = 2.0
ENDED, BROKEN, PROTOCOL_ERROR, RESTARTING = 1001, 1011, 1002, 1012


@define(eq=False)
class Tunnel:
    """Passes bytes on until the service or the client has gone.

    `touch` is called when any have been passed on. With `half_close` the end of the service's
    output is told by an empty message, and the client may go on sending.
    """

    client: socket.socket
    service: socket.socket
    touch: Callable[[], None]
    half_close: bool
    _over: "asyncio.Future[int]" = field(init=False)
    """Becomes the code that the websocket is to be closed with."""
    _down: "_Down" = field(init=False)
    _up: "_Up" = field(init=False)

    async def run(self, stopping: anyio.Event) -> None:
        """Do it to the end, or until `stopping` is set."""
        self._over = asyncio.get_running_loop().create_future()
        self._down, self._up = _Down(self), _Up(self)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._leave_on, stopping)
                code = await self._over
                tasks.cancel_scope.cancel()
            await self._part(code)
        finally:
            self._up.close()
            self._down.close()

    async def _leave_on(self, stopping: anyio.Event) -> None:
        await stopping.wait()
        self.end(RESTARTING)

    @property
    def is_over(self) -> bool:
        """Whether nothing is passed on any more."""
        return self._over.done()

    def end(self, code: int = ENDED) -> None:
        """Pass nothing on any more."""
        self._stop()
        if not self._over.done():
            self._over.set_result(code)

    def one_way_ended(self) -> None:
        """Heed that a direction has come to its orderly end."""
        if self._down.is_done and (self._up.is_done or not self.half_close):
            self.end()

    def answer(self, ping: bytes) -> None:
        """Answer a ping of the client."""
        self._down.answer(ping)

    def guarded(self, step: Callable[[], None]) -> None:
        """Take a step, and end if that fails."""
        try:
            step()
        except BadFrame:
            self.end(PROTOCOL_ERROR)
        except OSError:
            # Either side: where it was the client, nobody reads what is said of it.
            self.end(BROKEN)
        except Exception as fault:  # noqa: BLE001  # `run` raises it
            self._stop()
            if not self._over.done():
                self._over.set_exception(fault)

    def _stop(self) -> None:
        self._up.pause()
        self._down.pause()

    async def _part(self, code: int) -> None:
        """Say why it ends, and wait for the client's last word: until then it reads on."""
        loop = asyncio.get_running_loop()
        if not self._down.is_between_frames:
            return
        last_words = self._down.rest + header(CLOSE, 2) + code.to_bytes(2)
        with anyio.move_on_after(_FAREWELL), suppress(OSError):
            await loop.sock_sendall(self.client, last_words)
            self.client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(self.client, 65536):
                pass


class _Way(ABC):
    """One direction. While its sink has no room, its source has to wait."""

    def __init__(self, tunnel: Tunnel, source: socket.socket, sink: socket.socket) -> None:
        self.is_done = False
        """Whether all that this way is for was said."""
        self._tunnel = tunnel
        self._source, self._sink = source, sink
        self._source_has_ended = False
        self._source_speaks = Watch.reading(source, partial(tunnel.guarded, self._listen))
        self._sink_has_room = Watch.writing(sink, partial(tunnel.guarded, self._go_on))
        self._source_speaks.on()

    def pause(self) -> None:
        """Do nothing any more."""
        self._source_speaks.off()
        self._sink_has_room.off()

    def close(self) -> None:
        """Give back what it took."""
        self.pause()

    @abstractmethod
    def _listen(self) -> None:
        """Take what the source says."""

    @abstractmethod
    def _send(self) -> None:
        """Send all that was taken; raises BlockingIOError when there is no room for it."""

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


class _Down(_Way):
    """What the service says, in frames to the client, with answers to pings between them."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel, tunnel.service, tunnel.client)
        self.rest = b""
        """What is sent next. After it come the bytes in the pipe, and then what is left."""
        self._pipe = Pipe()
        self._piped = 0
        self._left = 0
        """Bytes of the current frame that the service still has."""
        self._pong: bytes | None = None

    @property
    def is_between_frames(self) -> bool:
        """Whether something else may follow `rest`."""
        return not self._piped and not self._left

    def answer(self, ping: bytes) -> None:
        """Answer a ping as soon as the client reads: of several, it may be the last one alone."""
        self._pong = ping
        self._go_on()

    def close(self) -> None:
        super().close()
        self._pipe.close()

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            some = self._source.recv(_LOOKED_AT)
            if some:
                self._tell(some)
            else:
                self._end()

    def _tell(self, some: bytes) -> None:
        """Send a frame that begins with these bytes; where they are many, there may be more."""
        if len(some) == _LOOKED_AT:
            self._left = min(waiting(self._source), _LONGEST - _LOOKED_AT)
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


class _Up(_Way):
    """What the client says, out of its frames, to the service."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel, tunnel.client, tunnel.service)
        self._frames = FrameReader()
        self._rest = memoryview(b"")
        self._service_listens = True

    def close(self) -> None:
        super().close()
        # Each way knows itself by its callbacks, and would keep it until garbage is looked for.
        self._frames.close()

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            count = self._source.recv_into(self._frames.room())
            if not count:
                self._tunnel.end()
                return
            self._frames.came(count)
            self._go_on()

    def _send(self) -> None:
        self._send_rest()
        while not self._tunnel.is_over and (frame := self._frames.take()) is not None:
            self._heed(*frame)

    def _heed(self, opcode: int, payload: bytes) -> None:
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
            # It may go on to speak all the same.
            self._service_listens = False
