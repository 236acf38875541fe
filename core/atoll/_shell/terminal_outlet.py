"""Writes to the prompt's terminal, which may accept no output for a while: the user has pressed
Ctrl-S, or the connection to the terminal is interrupted.

Only code that writes much waits for the terminal. The terminal is opened a second time, so that
writing to it here is non-blocking, but stays blocking for all other programs that use it.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from threading import get_ident
from typing import IO, Any

import trio

from atoll._outlet import Outlet, as_file

_FRAMES = 2**16
"""If more than this is held, in bytes, drawings of the prompt are dropped; the prompt is redrawn
later.
"""
_CONTROLLING = "/dev/tty"
_PAUSE = 0.01
"""Seconds until the next attempt, if a terminal has reported that it is writable but accepted
nothing.
"""
_CLOSE_TIMEOUT = 1.0
"""Seconds to wait for the terminal when the user leaves the prompt."""


class TerminalOutlet(Outlet):
    """A terminal. Output that it accepts is written at once, and the rest by :meth:`pump`.

    `on_free` is called when it has accepted all output that was held.
    """

    def __init__(self, descriptor: int, file: IO[str]) -> None:
        super().__init__(descriptor)
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self._errors = getattr(file, "errors", None) or "backslashreplace"
        self._file = file
        self.buffer: Any = _Frames(self)
        self.on_free: Callable[[], object] = lambda: None
        self.lost = False
        """Whether the prompt must be redrawn."""
        self._drops = 0

    @classmethod
    def of(cls, file: IO[str]) -> "TerminalOutlet | None":
        """Open the terminal of a file a second time; returns None if that is not possible."""
        with suppress(OSError, ValueError):
            descriptor = file.fileno()
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            return cls(os.open(_path(descriptor), flags), file)
        return None

    @property
    def is_behind(self) -> bool:
        """Whether output is held."""
        return self._size > 0

    def fileno(self) -> int:
        """Return the descriptor that other programs share, which is blocking."""
        return self._file.fileno()

    def write(self, text: str) -> int:
        """Write or hold a text."""
        self.take(text.encode(self.encoding, self._errors))
        return len(text)

    def take(self, data: bytes) -> None:
        """Write or hold bytes; raises the error of an earlier write."""
        if get_ident() == self._thread and not self._size:
            self._raise()
            with suppress(BlockingIOError):
                data = data[os.write(self._descriptor, data) :]
        if data:
            super().take(data)

    def take_frame(self, data: bytes) -> None:
        """Write a drawing of the prompt, unless much output is held; then note that the prompt must
        be redrawn.
        """
        if self._size < _FRAMES:
            self.take(data)
        else:
            self.lost = True

    def drop(self) -> None:
        """Drop the output that is held, since the user has interrupted the command that wrote
        it.
        """
        self._drops += 1
        self._held.clear()
        self._note_less(self._size)

    async def _write(self, data: bytes) -> None:
        view, drops = memoryview(data), self._drops
        while view:
            await trio.lowlevel.wait_writable(self._descriptor)
            if drops != self._drops:
                return
            try:
                count = os.write(self._descriptor, view)
            except BlockingIOError:
                # The terminal has room for one byte, but would write two.
                await trio.sleep(_PAUSE)
            else:
                view = view[count:]
                self._note_less(count)

    def _note_less(self, count: int) -> None:
        super()._note_less(count)
        if not self._size:
            self.on_free()


class _Frames:
    """The same terminal, for the output of prompt_toolkit."""

    def __init__(self, outlet: TerminalOutlet) -> None:
        self._outlet = outlet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)

    def write(self, data: bytes) -> int:
        self._outlet.take_frame(bytes(data))
        return len(data)


def _path(descriptor: int) -> str:
    """Return the path by which a terminal can be opened; raises OSError."""
    with suppress(OSError):
        os.tcgetpgrp(descriptor)
        # The terminal may belong to another user, as after `su`; through this path it can be opened
        # all the same.
        return _CONTROLLING
    return os.ttyname(descriptor)


@asynccontextmanager
async def nonblocking_terminal() -> AsyncIterator[TerminalOutlet | None]:
    """During the block, write to the terminal by an outlet, which replaces the standard streams;
    yields None if that is not possible.
    """
    outlet, failure = TerminalOutlet.of(sys.stdout), None
    if outlet is None:
        yield None
        return
    before = sys.stdout, sys.stderr, sys.__stdout__
    _install(outlet)
    async with trio.open_nursery() as nursery:
        pumping = trio.CancelScope(shield=True)
        nursery.start_soon(_pump, outlet, pumping)
        try:
            yield outlet
        except BaseException as error:  # noqa: BLE001  # raised again below, outside the nursery's group
            failure = error
        sys.stdout, sys.stderr, sys.__stdout__ = before  # type: ignore[misc]  # as found
        with trio.move_on_after(_CLOSE_TIMEOUT, shield=True), suppress(OSError):
            await outlet.drain(all=True)
        pumping.cancel()
    outlet.close()
    if failure is not None:
        raise failure


def _install(outlet: TerminalOutlet) -> None:
    """Replace the standard streams that lead to the outlet's terminal."""
    is_same = os.path.sameopenfile(sys.stderr.fileno(), outlet.fileno())
    # A full screen writes to the latter.
    sys.stdout = sys.__stdout__ = as_file(outlet)  # type: ignore[misc,assignment]  # nobody needs more of it
    if is_same:
        sys.stderr = as_file(outlet)


async def _pump(outlet: TerminalOutlet, scope: trio.CancelScope) -> None:
    with scope:
        await outlet.pump()
