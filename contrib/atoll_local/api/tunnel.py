"""A websocket's connection that was taken over, and a service's: bytes go from one to the other."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import TaskGroup
from attrs import define, field

from atoll_local.api.frames import BINARY, CLOSE, PING, PONG, BadFrame, frames, header
from atoll_local.api.moving import Mover

_PIECE = 512 * 1024
_WORTH_A_PIPE = 32 * 1024
_FAREWELL = 2.0
ENDED, BROKEN, PROTOCOL_ERROR, RESTARTING = 1001, 1011, 1002, 1012


@define
class Tunnel:
    """Passes bytes on until the service or the client has gone.

    `touch` is called when any have been passed on. With `half_close` the end of the service's
    output is told by an empty message, and the client may go on sending.
    """

    client: socket.socket
    service: socket.socket
    touch: Callable[[], None]
    half_close: bool
    _sending: anyio.Lock = field(factory=anyio.Lock, init=False)
    _to_client: Mover = field(factory=Mover, init=False)
    _to_service: Mover = field(factory=Mover, init=False)
    _client_is_done: anyio.Event = field(factory=anyio.Event, init=False)
    _service_listens: bool = field(default=True, init=False)
    _torn: bool = field(default=False, init=False)
    """Whether a frame was sent in part only."""
    _code: int = field(default=ENDED, init=False)

    async def run(self, stopping: anyio.Event) -> None:
        """Do it to the end, or until `stopping` is set."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._listen_to_client, tasks)
                tasks.start_soon(self._leave_on, stopping, tasks.cancel_scope)
                await self._tell_client()
                tasks.cancel_scope.cancel()
            await self._part()
        finally:
            self._to_client.close()
            self._to_service.close()

    async def _leave_on(self, stopping: anyio.Event, everything: anyio.CancelScope) -> None:
        await stopping.wait()
        self._code = RESTARTING
        everything.cancel()

    async def _tell_client(self) -> None:
        try:
            while await self._pass_on():
                self.touch()
        except OSError:
            # Either side: where it was the client, nobody reads what is said of it.
            self._code = BROKEN
            return
        if self.half_close:
            await self._send(BINARY, b"")
            await self._client_is_done.wait()

    async def _pass_on(self) -> bool:
        """Put what the service has said in a frame; False at its end."""
        count = min(await self._to_client.available(self.service), _PIECE)
        if not count:
            return False
        if count < _WORTH_A_PIPE:
            await self._send(BINARY, self.service.recv(count))
            return True
        async with self._frame():
            await self._to_client.write(self.client, header(BINARY, count))
            await self._to_client.pass_on(self.service, self.client, count)
        return True

    async def _send(self, opcode: int, payload: bytes) -> None:
        async with self._frame():
            await self._to_client.write(self.client, header(opcode, len(payload)), payload)

    @asynccontextmanager
    async def _frame(self) -> AsyncIterator[None]:
        """Let nothing come into the middle of a frame, nor after one that was not sent whole."""
        async with self._sending:
            if self._torn:
                raise BrokenPipeError
            self._torn = True
            yield
            self._torn = False

    async def _listen_to_client(self, tasks: TaskGroup) -> None:
        try:
            async for opcode, payload in frames(self.client, self._to_service):
                if opcode == PING:
                    # By another task: a client that does not read now may still want to send.
                    tasks.start_soon(self._answer, payload)
                else:
                    await self._deliver(payload)
        except BadFrame:
            self._code = PROTOCOL_ERROR
        except OSError:
            self._code = BROKEN
        tasks.cancel_scope.cancel()

    async def _answer(self, payload: bytes) -> None:
        with suppress(OSError):
            await self._send(PONG, payload)

    async def _deliver(self, payload: bytes) -> None:
        """Send to the service; nothing means that nothing more will come."""
        if not payload:
            with suppress(OSError):
                self.service.shutdown(socket.SHUT_WR)
            self._client_is_done.set()
        elif self._service_listens:
            self.touch()
            try:
                await self._to_service.write(self.service, payload)
            except OSError:
                # It may go on to speak all the same.
                self._service_listens = False

    async def _part(self) -> None:
        """Say why it ends, and wait for the client's last word: until then it reads on."""
        with anyio.move_on_after(_FAREWELL), suppress(OSError):
            await self._send(CLOSE, self._code.to_bytes(2))
            self.client.shutdown(socket.SHUT_WR)
            buffer = memoryview(bytearray(65536))
            while await self._to_service.read_into(self.client, buffer):
                pass
