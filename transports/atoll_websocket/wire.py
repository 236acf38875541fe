"""Moving bytes through streams, those over sockets without a turn of trio's loop for each piece.

A turn costs as much as moving 100 KiB. So a piece that can be moved at once is, and the loop gets
its turn when there is nothing to move, or after a good deal was.
"""

import mmap
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias, cast

import trio

_Move: TypeAlias = Callable[[int], int]
"""Takes a descriptor; returns how many bytes were moved."""
_KEEPALIVE = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 6,
    # Milliseconds that bytes on their way may go unanswered.
    "TCP_USER_TIMEOUT": 90_000,
}
_TURN = 1024 * 1024
"""Bytes after which others shall have their turn."""


class Wire:
    """One end of a stream, for one task that reads or one that writes."""

    def __init__(self, stream: trio.abc.AsyncResource) -> None:
        self._stream = cast("trio.abc.Stream", stream)
        self._socket = stream.socket if isinstance(stream, trio.SocketStream) else None
        self._since_turn = 0

    async def read_into(self, buffer: memoryview) -> int:
        """Read what there is, waiting for something; returns how much, 0 at the end.

        Raises BrokenResourceError.
        """
        if self._socket is None:
            some = await self._stream.receive_some(len(buffer))
            buffer[: len(some)] = some
            return len(some)
        return await self._move(lambda here: os.readv(here, [buffer]), trio.lowlevel.wait_readable)

    async def write(self, *parts: bytes | bytearray | memoryview) -> None:
        """Write some parts, one after the other; raises BrokenResourceError."""
        if self._socket is None:
            await self._stream.send_all(parts[0] if len(parts) == 1 else b"".join(parts))
            return
        left = [memoryview(part) for part in parts if part]
        while left:
            write, room = lambda here: os.writev(here, left), trio.lowlevel.wait_writable
            _drop(left, await self._move(write, room))

    async def _move(self, move: _Move, wait: Callable[[int], Awaitable[None]]) -> int:
        """Move what can be moved, once anything can."""
        if self._socket is None:
            raise TypeError("only sockets can be read and written at once")
        while True:
            descriptor = self._socket.fileno()
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
        if self._since_turn >= _TURN:
            self._since_turn = 0
            await trio.lowlevel.checkpoint()


def watch_over(stream: trio.abc.AsyncResource) -> None:
    """Have the system notice, in a minute and a half, when a connection leads nowhere any more.

    A websocket's pings don't tell: a server that waits for somebody slow answers none.
    """
    if not isinstance(stream, trio.SocketStream):
        return
    with suppress(OSError):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            # Not every system has all of them.
            if (option := getattr(socket, name, None)) is not None:
                stream.setsockopt(socket.IPPROTO_TCP, option, value)


def new_buffer(size: int) -> memoryview:
    """Return room for bytes that takes memory only as far as it gets used."""
    return memoryview(mmap.mmap(-1, size))


def _drop(parts: list[memoryview], count: int) -> None:
    """Take the first `count` bytes away."""
    while parts and count >= len(parts[0]):
        count -= len(parts.pop(0))
    if count:
        parts[0] = parts[0][count:]
