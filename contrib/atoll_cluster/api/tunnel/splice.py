"""Call functions when a socket is ready, and move bytes between sockets with `splice`.

Tunnels use plain callbacks instead of tasks. A byte that a user types goes through the tunnel, and
its echo comes back; to wake a task would take longer than all other work for them.
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
class ReadinessWatcher:
    """Calls `_callback` whenever a socket is ready, between `on()` and `off()`."""

    _descriptor: int
    _callback: Callable[[], None]
    _add: Callable[[int, Callable[[], None]], None]
    _remove: Callable[[int], bool]
    _is_on: bool = field(default=False, init=False)

    @classmethod
    def reading(cls, source: socket.socket, callback: Callable[[], None]) -> Self:
        """Return a watcher for bytes to read or the end of the stream."""
        loop = asyncio.get_running_loop()
        return cls(source.fileno(), callback, loop.add_reader, loop.remove_reader)

    @classmethod
    def writing(cls, sink: socket.socket, callback: Callable[[], None]) -> Self:
        """Return a watcher for free space in the send buffer."""
        loop = asyncio.get_running_loop()
        return cls(sink.fileno(), callback, loop.add_writer, loop.remove_writer)

    def on(self) -> None:
        """Start to call the callback."""
        if not self._is_on:
            self._add(self._descriptor, self._callback)
            self._is_on = True

    def off(self) -> None:
        """Stop calling the callback."""
        if self._is_on:
            self._remove(self._descriptor)
            self._is_on = False


@define
class SplicePipe:
    """A pipe through which the system's kernel moves bytes between sockets; opened at first use.

    No method blocks: each raises BlockingIOError if no bytes can be moved now.
    """

    _exit: int = -1
    _entry: int = -1

    def fill_from(self, source: socket.socket, count: int) -> int:
        """Move at most `count` bytes from a socket into the pipe; returns their number.

        Raises OSError at the end of the stream.
        """
        if self._entry < 0:
            self._exit, self._entry = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            with suppress(OSError):
                # The system limits the size of all pipes of a user; a small pipe works too.
                fcntl.fcntl(self._entry, fcntl.F_SETPIPE_SZ, _CAPACITY)
        if moved := os.splice(source.fileno(), self._entry, count):
            return moved
        raise OSError(errno.EPIPE, "the source ended early")

    def empty_into(self, sink: socket.socket, count: int) -> int:
        """Move at most `count` bytes from the pipe to a socket; returns their number."""
        return os.splice(self._exit, sink.fileno(), count)

    def close(self) -> None:
        """Close the pipe."""
        if self._entry >= 0:
            os.close(self._exit)
            os.close(self._entry)
            self._exit = self._entry = -1


def readable_bytes(source: socket.socket) -> int:
    """Return how many bytes can be read without waiting."""
    return int.from_bytes(fcntl.ioctl(source, termios.FIONREAD, bytes(4)), sys.byteorder)
