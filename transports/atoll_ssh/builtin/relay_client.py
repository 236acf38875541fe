"""Logs in to a relay over the standard input and output of the command that runs it."""

import asyncio
import os
import socket

import asyncssh
import trio

from atoll import Unreachable, aio
from atoll.transport import NotSent
from atoll_ssh.relay_greeting import GREETING, USER

_GREETING_TIMEOUT = 30.0
_MOST_NOISE = 2**16
"""Bytes that shells on the host may print before the relay's greeting."""


async def log_in_at_relay(name: str, stream: trio.SocketStream) -> asyncssh.SSHClientConnection:
    """Connect to the relay at the other end of a stream, which this takes over.

    Only the relay has the other end, so the key in its greeting is trusted. Raises NotSent if no
    relay answers, with the output of the command.
    """
    try:
        with trio.fail_after(_GREETING_TIMEOUT):
            key = await _greeting(stream)
    except (trio.TooSlowError, trio.BrokenResourceError, _NoRelay) as error:
        await trio.aclose_forcefully(stream)
        reason = str(error) or f"it has sent nothing for {_GREETING_TIMEOUT:g} s"
        raise NotSent(f"no relay runs at {name}: {reason}") from None
    sock = socket.socket(fileno=os.dup(stream.socket.fileno()))
    sock.setblocking(False)
    await stream.aclose()
    try:
        return await aio(_log_in, sock, key)
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(f"the relay at {name} refuses: {error}") from None


class _NoRelay(Exception):
    """The command that answers is not a relay."""


async def _greeting(stream: trio.SocketStream) -> asyncssh.SSHKey:
    """Read up to the end of the greeting's line, but not a byte more."""
    line = bytearray()
    for _ in range(_MOST_NOISE):
        byte = await stream.receive_some(1)
        if not byte:
            break
        if byte != b"\n":
            line += byte
            continue
        if line.startswith(GREETING):
            return asyncssh.import_public_key(bytes(line.removeprefix(GREETING)))
        line.clear()
    raise _NoRelay(f"it ends with {bytes(line[-200:])!r}")


async def _log_in(sock: socket.socket, key: asyncssh.SSHKey) -> asyncssh.SSHClientConnection:
    return await asyncio.wait_for(
        asyncssh.connect(
            sock=sock,
            host=USER,
            username=USER,
            known_hosts=([key], [], []),
            client_keys=None,
            agent_path=None,
            config=None,
            keepalive_interval=20,
        ),
        _GREETING_TIMEOUT,
    )
