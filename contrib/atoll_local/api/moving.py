"""Moving bytes between sockets in as few steps as there can be, inside the kernel if possible."""

import asyncio
import errno
import fcntl
import os
import socket
import sys
import termios
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeAlias

import anyio

_End: TypeAlias = socket.socket | int
_TURN = 1024 * 1024
"""Bytes after which others shall have their turn."""
_CAPACITY = 1024 * 1024


class Mover:
    """Reads and writes sockets that don't block, for one task.

    Failures are OSErrors.
    """

    def __init__(self) -> None:
        self._since_turn = 0
        self._pipe: tuple[int, int] | None = None

    async def read_into(self, source: socket.socket, buffer: memoryview) -> int:
        """Read what there is, waiting for something; returns how much, 0 at the end."""
        return await self._move(source, readable, lambda: source.recv_into(buffer))

    async def write(self, sink: socket.socket, *parts: bytes | memoryview) -> None:
        """Write all of some parts."""
        left = [memoryview(part) for part in parts if part]
        while left:
            count = await self._move(sink, writable, lambda: sink.sendmsg(left))
            while left and count >= len(left[0]):
                count -= len(left.pop(0))
            if count:
                left[0] = left[0][count:]

    async def available(self, source: socket.socket) -> int:
        """Wait until there is something to read; returns how much, 0 at the end."""
        while not (count := _waiting(source)):
            await readable(source)
            if not _waiting(source):
                with suppress(BlockingIOError):
                    if not source.recv(1, socket.MSG_PEEK):
                        return 0
        return count

    async def pass_on(self, source: socket.socket, sink: socket.socket, count: int) -> None:
        """Move `count` bytes that are there, without looking at them."""
        if self._pipe is None:
            self._pipe = _make_pipe()
        out, entry = self._pipe
        while count:
            moved = await self._splice(source, entry, count, wait_for=source)
            if not moved:
                raise OSError(errno.EPIPE, "the source ended early")
            count -= moved
            while moved:
                moved -= await self._splice(out, sink, moved, wait_for=sink)

    async def _splice(
        self, source: _End, sink: _End, count: int, *, wait_for: socket.socket
    ) -> int:
        """Move up to `count` bytes between a socket and a pipe."""
        wait = readable if wait_for is source else writable
        return await self._move(wait_for, wait, lambda: os.splice(_fd(source), _fd(sink), count))

    def close(self) -> None:
        """Close what it needed for itself."""
        if self._pipe is not None:
            os.close(self._pipe[0])
            os.close(self._pipe[1])

    async def _move(
        self,
        waits_for: socket.socket,
        wait: Callable[[socket.socket], Awaitable[None]],
        move: Callable[[], int],
    ) -> int:
        while True:
            try:
                count = move()
            except BlockingIOError:
                self._since_turn = 0
                await wait(waits_for)
            else:
                break
        self._since_turn += count
        if self._since_turn >= _TURN:
            self._since_turn = 0
            await anyio.lowlevel.checkpoint()
        return count


async def readable(source: socket.socket) -> None:
    """Wait until there is something to read."""
    # What anyio has for this gives others a turn first, which is most of the time of an exchange.
    loop = asyncio.get_running_loop()
    await _once(
        partial(loop.add_reader, source.fileno()), partial(loop.remove_reader, source.fileno())
    )


async def writable(sink: socket.socket) -> None:
    """Wait until there is room to write."""
    loop = asyncio.get_running_loop()
    await _once(partial(loop.add_writer, sink.fileno()), partial(loop.remove_writer, sink.fileno()))


async def _once(begin: Callable[[Callable[[], None]], None], end: Callable[[], object]) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    begin(lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        end()


def _fd(end: _End) -> int:
    return end if isinstance(end, int) else end.fileno()


def _waiting(source: socket.socket) -> int:
    """Return how many bytes could be read at once."""
    return int.from_bytes(fcntl.ioctl(source, termios.FIONREAD, bytes(4)), sys.byteorder)


def _make_pipe() -> tuple[int, int]:
    out, entry = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    with suppress(OSError):
        # Users have a limit for all their pipes together; a small one serves, too.
        fcntl.fcntl(entry, fcntl.F_SETPIPE_SZ, _CAPACITY)
    return out, entry
