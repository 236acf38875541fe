"""What a tunnel needs of the system: to be told when a socket is ready, and a way past the program.

Plain callbacks serve here instead of tasks: a byte that is typed and its echo pass a tunnel twice,
and to wake a task takes longer than all else that is done for them.
"""

import asyncio
import errno
import fcntl
import os
import socket
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from attrs import define, field

_CAPACITY = 1024 * 1024


@define
class Watch:
    """Calls back when a socket is ready, as long as it is on."""

    _descriptor: int
    _callback: Callable[[], None]
    _add: Callable[[int, Callable[[], None]], None]
    _remove: Callable[[int], bool]
    _is_on: bool = field(default=False, init=False)

    @classmethod
    def reading(cls, source: socket.socket, callback: Callable[[], None]) -> Self:
        """Make one that calls when there is something to read, or the end of it."""
        loop = asyncio.get_running_loop()
        return cls(source.fileno(), callback, loop.add_reader, loop.remove_reader)

    @classmethod
    def writing(cls, sink: socket.socket, callback: Callable[[], None]) -> Self:
        """Make one that calls when there is room to write."""
        loop = asyncio.get_running_loop()
        return cls(sink.fileno(), callback, loop.add_writer, loop.remove_writer)

    def on(self) -> None:
        """Begin to call."""
        if not self._is_on:
            self._add(self._descriptor, self._callback)
            self._is_on = True

    def off(self) -> None:
        """Call no more."""
        if self._is_on:
            self._remove(self._descriptor)
            self._is_on = False


@define
class Pipe:
    """Moves bytes from one socket to another in the kernel; made when it is first needed.

    Nothing of it blocks: BlockingIOError says that nothing can be moved now.
    """

    _exit: int = -1
    _entry: int = -1

    def fill_from(self, source: socket.socket, count: int) -> int:
        """Take in up to `count` bytes; returns how many. The end of the source is an OSError."""
        if self._entry < 0:
            self._exit, self._entry = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            with suppress(OSError):
                # Users have a limit for all their pipes together; a small one serves, too.
                fcntl.fcntl(self._entry, fcntl.F_SETPIPE_SZ, _CAPACITY)
        if moved := os.splice(source.fileno(), self._entry, count):
            return moved
        raise OSError(errno.EPIPE, "the source ended early")

    def empty_into(self, sink: socket.socket, count: int) -> int:
        """Give out up to `count` of the bytes that are in it; returns how many."""
        return os.splice(self._exit, sink.fileno(), count)

    def close(self) -> None:
        """Give it back to the system."""
        if self._entry >= 0:
            os.close(self._exit)
            os.close(self._entry)
            self._exit = self._entry = -1


def waiting(source: socket.socket) -> int:
    """Return how many bytes can be read at once."""
    return int.from_bytes(fcntl.ioctl(source, termios.FIONREAD, bytes(4)), sys.byteorder)
