"""Copying bytes between an SSH channel, which is asyncio's, and a socket for trio.

Switching between the two loops costs more than half a millisecond, and reading from a socket next
to nothing. So a channel becomes a pair of sockets: asyncio copies at one end, trio has the other.
"""

import asyncio
import socket
from typing import Any

import asyncssh

_CHUNK = 2**18


async def attach(channel: tuple[Any, Any], end: socket.socket) -> None:
    """Copy between a channel and one end of a socket pair until both directions have ended."""
    near = await asyncio.open_unix_connection(sock=end, limit=_CHUNK)
    try:
        await asyncio.gather(_pump(channel[0], near[1]), _pump(near[0], channel[1]))
    except (OSError, asyncssh.Error):
        # The other side sees a stream that breaks off, as it would with TCP.
        pass
    finally:
        near[1].close()
        channel[1].close()


async def _pump(reader: Any, writer: Any) -> None:
    """Copy until the end, and pass that on: the other direction may continue."""
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
