"""Byte streams through a bastion: every one a channel of the same SSH connection."""

import asyncio
import socket

import asyncssh
import trio

from atoll import Unreachable, aio
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion
from atoll_ssh.login import log_in
from atoll_ssh.pump import attach

_CHANNEL_TIMEOUT = 10.0


def connect(via: str) -> "SshDialer":
    """Return the dialer of a `via`; no connection is made before the first stream."""
    return SshDialer(Bastion.parse(via))


class SshDialer:
    """Opens streams from a bastion onwards (:class:`atoll.transport.Dialer`).

    Keys, agent, jumps and known hosts are those of `~/.ssh`. A connection that was lost is made
    anew when the next stream is wanted.
    """

    def __init__(self, bastion: Bastion) -> None:
        self._bastion = bastion
        self._connection: asyncssh.SSHClientConnection | None = None
        self._connecting = trio.Lock()
        self._pumps: set[asyncio.Task[None]] = set()

    async def dial(self, host: str, port: int) -> trio.abc.HalfCloseableStream:
        """Open a stream to `host:port` as the bastion sees it.

        Raises NotSent when the bastion does not answer or can't reach the host, NotAuthorized when
        it refuses the user or is not known, and another Unreachable when it speaks strangely.
        """
        connection = await self._connected()
        try:
            with trio.fail_after(_CHANNEL_TIMEOUT):
                channel = await aio(connection.open_connection, host, port)
        except (asyncssh.Error, OSError, trio.TooSlowError) as error:
            raise _no_channel(self._bastion, f"{host}:{port}", error) from None
        here, there = socket.socketpair()
        pump = asyncio.get_running_loop().create_task(attach(channel, there))
        # A loop keeps no more than a weak reference to its tasks.
        self._pumps.add(pump)
        pump.add_done_callback(self._pumps.discard)
        here.setblocking(False)
        return trio.SocketStream(trio.socket.from_stdlib_socket(here))

    async def aclose(self) -> None:
        """End all streams and the connection; the next :meth:`dial` makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            for pump in self._pumps:
                pump.cancel()
            connection.close()
            await aio(connection.wait_closed)

    async def _connected(self) -> asyncssh.SSHClientConnection:
        async with self._connecting:
            if self._connection is None or self._connection.is_closed():
                self._connection = await log_in(self._bastion)
            return self._connection


def _no_channel(bastion: Bastion, target: str, error: Exception) -> Exception:
    if isinstance(error, trio.TooSlowError):
        return NotSent(f"{target} does not answer {bastion} within {_CHANNEL_TIMEOUT:g} s")
    if not isinstance(error, asyncssh.ChannelOpenError):
        return NotSent(f"the connection to {bastion} was lost")
    if error.code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        hint = "its AllowTcpForwarding forbids it"
        return Unreachable(
            f"{bastion} does not forward connections to {target}", hint=hint, permanent=True
        )
    return NotSent(f"{bastion} can't reach {target}: {error.reason.lower()}")
