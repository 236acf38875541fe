"""One connection of asyncssh to a host, which carries all streams, commands, and a relay."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import asyncssh
import trio
from attrs import define, field

from atoll import aio
from atoll.outages import Backoff
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion
from atoll_ssh.builtin.login import log_in
from atoll_ssh.builtin.pump import attach
from atoll_ssh.builtin.relay_client import log_in_at_relay
from atoll_ssh.contract import MOST_OUTPUT, Completed, NoForwarding, TooMuchOutput
from atoll_ssh.user_questions import LoginGate

_CHANNEL_TIMEOUT = 10.0
_CHUNK = 2**16
_SESSION_BACKOFF = Backoff(first=0.1, longest=0.5, patience=5.0)


def connect_to(bastion: Bastion) -> "BuiltinConnection":
    """Return the connection to a host; it is opened when the first stream is needed."""
    return BuiltinConnection(str(bastion), partial(log_in, bastion))


@define(eq=False)
class BuiltinConnection:
    """A :class:`atoll_ssh.contract.SshConnection` by asyncssh."""

    name: str
    """The name of the host in errors."""
    _log_in: Callable[[], Awaitable[asyncssh.SSHClientConnection]]
    _gate: LoginGate = field(factory=LoginGate, init=False)
    _connection: asyncssh.SSHClientConnection | None = field(default=None, init=False)
    _connecting: trio.Lock = field(factory=trio.Lock, init=False)
    _pumps: set[asyncio.Task[None]] = field(factory=set, init=False)

    async def dial(self, host: str, port: int) -> trio.SocketStream:
        """Open a stream to `host:port`, as the remote host resolves it."""
        connection = await self._connected()
        try:
            with trio.fail_after(_CHANNEL_TIMEOUT):
                channel = await aio(connection.open_connection, host, port)
        except (asyncssh.Error, OSError, trio.TooSlowError) as error:
            raise _no_channel(self.name, f"{host}:{port}", error) from None
        return self._attached(channel)

    async def run(self, command: str, stdin: bytes = b"") -> Completed:
        """Run a command in the user's shell on the host, and wait for its end."""
        connection = await self._connected()
        try:
            process = await self._started(connection, command)
            return await aio(_result, process, command, stdin)
        except (asyncssh.Error, OSError) as error:
            raise NotSent(f"the connection to {self.name} was lost: {error}") from None

    async def pipe(self, command: str) -> trio.SocketStream:
        """Start a command, and return the stream of its standard input and output.

        Its standard error is dropped. Closing the stream ends its input.
        """
        connection = await self._connected()
        try:
            process = await self._started(connection, command, stderr=asyncssh.DEVNULL)
        except (asyncssh.Error, OSError) as error:
            raise NotSent(f"{self.name} starts no command: {error}") from None
        return self._attached((process.stdout, process.stdin))

    async def _started(
        self, connection: asyncssh.SSHClientConnection, command: str, **options: Any
    ) -> asyncssh.SSHClientProcess[bytes]:
        """Start a command. A host that limits the sessions of a connection may need a moment to
        notice that the last one has ended; raises NotSent if it still refuses after that.
        """

        async def start() -> asyncssh.SSHClientProcess[bytes]:
            try:
                return await aio(connection.create_process, command, encoding=None, **options)
            except asyncssh.ChannelOpenError as error:
                raise NotSent(f"{self.name} opens no more sessions: {error.reason}") from None

        return await _SESSION_BACKOFF.retry(start, passes=lambda _: not connection.is_closed())

    def through(self, command: str) -> "BuiltinConnection":
        """Return a connection inside of this one, to the relay that `command` starts."""

        async def log_in_there() -> asyncssh.SSHClientConnection:
            return await log_in_at_relay(self.name, await self.pipe(command))

        return BuiltinConnection(self.name, log_in_there)

    async def aclose(self) -> None:
        """Close all streams and the connection; the next :meth:`dial` opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            for pump in self._pumps:
                pump.cancel()
            connection.close()
            await aio(connection.wait_closed)

    async def end(self) -> bool:
        """Close the connection, which no other process can use."""
        is_open = self._connection is not None
        await self.aclose()
        return is_open

    async def _connected(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._gate.passed(self._log_in)
            return self._connection

    def _attached(self, channel: tuple[Any, Any]) -> trio.SocketStream:
        here, there = socket.socketpair()
        pump = asyncio.get_running_loop().create_task(attach(channel, there))
        # An event loop keeps only weak references to its tasks.
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        here.setblocking(False)
        return trio.SocketStream(trio.socket.from_stdlib_socket(here))


async def _result(
    process: asyncssh.SSHClientProcess[bytes], command: str, stdin: bytes
) -> Completed:
    async with process:
        with suppress(OSError):  # a command that has ended does not read any more
            process.stdin.write(stdin)
            process.stdin.write_eof()
        try:
            stdout, stderr = await asyncio.gather(
                _read(process.stdout, command), _read(process.stderr, command)
            )
        except TooMuchOutput:
            process.close()
            raise
        await process.wait()
    code = process.exit_status
    return Completed(255 if code is None else code, stdout, stderr)


async def _read(reader: Any, command: str) -> bytes:
    kept = bytearray()
    while chunk := await reader.read(_CHUNK):
        kept += chunk
        if len(kept) > MOST_OUTPUT:
            raise TooMuchOutput(command)
    return bytes(kept)


def _no_channel(name: str, target: str, error: Exception) -> Exception:
    if isinstance(error, trio.TooSlowError):
        return NotSent(f"{target} does not answer {name} within {_CHANNEL_TIMEOUT:g} s")
    if not isinstance(error, asyncssh.ChannelOpenError):
        return NotSent(f"the connection to {name} was lost")
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        hint = "its AllowTcpForwarding forbids it"
        return NoForwarding(
            f"{name} does not forward connections to {target}", hint=hint, permanent=True
        )
    return NotSent(f"{name} can't reach {target}: {error.reason.lower()}")
