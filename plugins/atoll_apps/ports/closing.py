"""Closing local connections: in order, or by a reset."""

import socket
import struct
from contextlib import suppress

import trio

_LINGER = 2.0
"""Seconds that a client gets to send its last bytes."""


async def close_in_order(local: trio.SocketStream) -> None:
    """Send the end of the stream, then read and drop what the client still sends.

    If the connection were closed while bytes of the client are on their way, the system would
    answer them with a reset, and the client might lose what it has not read yet.
    """
    with trio.move_on_after(_LINGER), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await local.send_eof()
        async for _ in local:
            pass


def reset(local: trio.SocketStream) -> None:
    """Make closing the connection send a reset, so that the client sees it as broken."""
    with suppress(OSError):
        local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
