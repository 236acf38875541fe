"""Moving bytes through streams, those over sockets without a turn of trio's loop for each piece.

A turn costs as much as moving 100 KiB. So a piece that can be moved at once is, and the loop gets
its turn when there is nothing to move, or after a good deal was.
"""

import os
from collections.abc import Callable
from typing import TypeAlias, cast

import trio

_Move: TypeAlias = Callable[[int, list[memoryview]], int]
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
        while (count := self._try(os.readv, self._socket, [buffer])) is None:
            await trio.lowlevel.wait_readable(self._socket)
        await self._count(count)
        return count

    async def write(self, *parts: bytes | bytearray | memoryview) -> None:
        """Write some parts, one after the other; raises BrokenResourceError."""
        if self._socket is None:
            await self._stream.send_all(parts[0] if len(parts) == 1 else b"".join(parts))
            return
        left = [memoryview(part) for part in parts if part]
        while left:
            if (count := self._try(os.writev, self._socket, left)) is None:
                await trio.lowlevel.wait_writable(self._socket)
            else:
                _drop(left, count)
                await self._count(count)

    def _try(
        self, move: _Move, socket: trio.socket.SocketType, parts: list[memoryview]
    ) -> int | None:
        """Move what can be moved at once; returns how much, None if the socket is not ready."""
        try:
            return move(socket.fileno(), parts)
        except BlockingIOError:
            self._since_turn = 0
            return None
        except OSError as error:
            raise trio.BrokenResourceError(error.strerror or str(error)) from error

    async def _count(self, moved: int) -> None:
        self._since_turn += moved
        if self._since_turn >= _TURN:
            self._since_turn = 0
            await trio.lowlevel.checkpoint()


def _drop(parts: list[memoryview], count: int) -> None:
    """Take the first `count` bytes away."""
    while parts and count >= len(parts[0]):
        count -= len(parts.pop(0))
    if count:
        parts[0] = parts[0][count:]
