"""Copies bytes between an SSH channel, which belongs to asyncio, and a socket for trio.

Switching between the two event loops takes more than half a millisecond, but reading from a socket
takes almost no time. So a channel is connected to a pair of sockets: asyncio copies at one end, and
trio uses the other.
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
        # The user of the other end shall see a broken stream, as with TCP.
        pass
    finally:
        near[1].close()
        channel[1].close()


async def _pump(reader: Any, writer: Any) -> None:
    """Copy until the end of the input, then end the output; the other direction may continue."""
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
