"""Measures the rate at which the connections of a job transfer bytes."""

import socket
import struct
from contextlib import suppress

import trio
from attrs import define, field

from atoll import Context
from atoll.output import binary_size, counted
from atoll_apps.ports.serving import Handler

_PERIOD = 1.0
_BYTES_AT = 120
"""The offset, in the kernel's data about a TCP connection, of the count of acknowledged bytes; the
count of received bytes follows it (Linux ≥ 4.1).
"""
_BYTES = struct.Struct("=QQ")


@define
class TransferRate:
    """Counts the connections, and asks the kernel how many bytes went through each, so that copying
    the bytes needs no extra work.
    """

    _counts: dict[trio.SocketStream, int] = field(factory=dict)

    def measuring(self, handle: Handler) -> Handler:
        """Return a handler that counts a connection while `handle` serves it."""

        async def handle_counted(local: trio.SocketStream) -> None:
            self._counts[local] = _moved(local)
            try:
                await handle(local)
            finally:
                del self._counts[local]

        return handle_counted

    async def show(self, context: Context) -> None:
        """Show the rate as the progress of the job, until cancelled."""
        with context.output.progress("no connections") as show:
            while True:
                began = trio.current_time()
                await trio.sleep(_PERIOD)
                show(self._text(trio.current_time() - began))

    def _text(self, seconds: float) -> str:
        moved = 0
        for local, before in self._counts.items():
            self._counts[local] = max(_moved(local), before)
            moved += self._counts[local] - before
        if not self._counts:
            return "no connections"
        return f"{counted(len(self._counts), 'connection')}, {binary_size(moved / seconds)}/s"


def _moved(local: trio.SocketStream) -> int:
    """Return the bytes that went through a connection; 0 if the kernel does not tell."""
    with suppress(OSError, AttributeError, struct.error):
        info = local.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_AT + _BYTES.size)
        return sum(_BYTES.unpack_from(info, _BYTES_AT))
    return 0
