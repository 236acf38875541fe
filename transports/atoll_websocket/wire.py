"""Reads from and writes to streams; on sockets without a checkpoint for each piece.

A checkpoint costs as much as copying 100 KiB. So pieces are read or written at once if that is
possible. Other tasks run when a stream must wait, or after a certain number of bytes.
"""

import mmap
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias, cast

import trio

_Move: TypeAlias = Callable[[int], int]
"""Reads from or writes to a descriptor; returns how many bytes were moved."""
_KEEPALIVE = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 6,
    # Milliseconds for which sent bytes may stay unacknowledged.
    "TCP_USER_TIMEOUT": 90_000,
}
_MOST_PER_TURN = 1024 * 1024
"""Bytes after which other tasks get a chance to run."""


class Wire:
    """One end of a stream, for one task that reads or one task that writes."""

    def __init__(self, stream: trio.abc.AsyncResource) -> None:
        self._stream = cast("trio.abc.Stream", stream)
        self._reads, self._writes = socket_of(stream, "receive"), socket_of(stream, "send")
        self._since_turn = 0

    async def read_into(self, buffer: memoryview) -> int:
        """Read some bytes, and wait for the first of them; returns how many, 0 at the end.

        Raises BrokenResourceError.
        """
        if self._reads is None:
            some = await self._stream.receive_some(len(buffer))
            buffer[: len(some)] = some
            return len(some)
        read = lambda here: os.readv(here, [buffer])  # noqa: E731  # as below
        return await self._move(self._reads, read, trio.lowlevel.wait_readable)

    async def write(self, *parts: bytes | bytearray | memoryview) -> None:
        """Write several parts, one after the other; raises BrokenResourceError."""
        if self._writes is None:
            await self._stream.send_all(parts[0] if len(parts) == 1 else b"".join(parts))
            return
        left = [memoryview(part) for part in parts if part]
        while left:
            write, room = lambda here: os.writev(here, left), trio.lowlevel.wait_writable
            _drop(left, await self._move(self._writes, write, room))

    async def _move(
        self, sock: "trio.socket.SocketType", move: _Move, wait: Callable[[int], Awaitable[None]]
    ) -> int:
        """Read or write as much as is possible; wait only if nothing is possible at the moment."""
        while True:
            descriptor = sock.fileno()
            try:
                count = move(descriptor)
            except BlockingIOError:
                self._since_turn = 0
                await wait(descriptor)
            except OSError as error:
                raise trio.BrokenResourceError(error.strerror or str(error)) from error
            else:
                await self._count(count)
                return count

    async def _count(self, moved: int) -> None:
        self._since_turn += moved
        if self._since_turn >= _MOST_PER_TURN:
            self._since_turn = 0
            await trio.lowlevel.checkpoint()


def socket_of(stream: object, direction: str) -> "trio.socket.SocketType | None":
    """Return the socket of a stream for a direction, `send` or `receive`; None if it has none.

    A stream may have a socket for each direction, as :class:`trio.StapledStream` has.
    """
    half = getattr(stream, f"{direction}_stream", stream)
    return half.socket if isinstance(half, trio.SocketStream) else None


def watch_over(stream: trio.abc.AsyncResource) -> None:
    """Make the system detect a dead connection within a minute and a half.

    Pings of a websocket can't do that, since a server that waits for a slow reader does not answer
    them.
    """
    if not isinstance(stream, trio.SocketStream):
        return
    with suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            # Not every system has all of these options.
            if (option := getattr(socket, name, None)) is not None:
                stream.setsockopt(socket.IPPROTO_TCP, option, value)


def new_buffer(size: int) -> memoryview:
    """Return a buffer; memory is only allocated for the part of it that is used."""
    return memoryview(mmap.mmap(-1, size))


def _drop(parts: list[memoryview], count: int) -> None:
    """Remove the first `count` bytes."""
    while parts and count >= len(parts[0]):
        count -= len(parts.pop(0))
    if count:
        parts[0] = parts[0][count:]
