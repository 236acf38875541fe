"""A text file that is written in the background, so that no code waits for its reader."""

import os
import stat
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import TextIOBase
from typing import IO, Any, Self, cast

import trio

from atoll._errors import is_interruption

_MOST_HELD = 2**18
"""The most bytes that are held before writers must wait."""
_CHUNK = 2**16
_CLOSE_TIMEOUT = 1.0
"""Seconds in which an interrupted command can still write the text that is held."""


class Outlet(TextIOBase):
    """A text file that holds what is written to it; the task :meth:`pump` writes it to
    `descriptor`.

    Async code that writes much must await `drain`; other threads wait in `write` while too much is
    held. If writing has failed, the next write raises the same OSError; it is BrokenPipeError if
    the reader has gone. The descriptor belongs to the outlet, and is non-blocking.
    """

    encoding = "utf-8"

    def __init__(self, descriptor: int, name: str = "") -> None:
        self.buffer: Any = _Bytes(self)
        self._descriptor = descriptor
        self._name = name or None
        self._blocks = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._held: deque[bytes] = deque()
        self._size = 0
        self._failure: OSError | None = None
        self._changed = threading.Condition()
        self._token = trio.lowlevel.current_trio_token()
        self._thread = threading.get_ident()
        self._more, self._less = trio.Event(), trio.Event()
        self._is_abandoned = False

    def fileno(self) -> int:
        """Return the descriptor, which is non-blocking."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep a text until it is written."""
        self.take(text.encode(errors="backslashreplace"))
        return len(text)

    def flush(self) -> None:
        """Do nothing, since `pump` writes everything."""

    def take(self, data: bytes) -> None:
        """Keep bytes until they are written; raises the error of an earlier write."""
        with self._changed:
            self._raise()
            self._held.append(data)
            self._size += len(data)
            if threading.get_ident() != self._thread:
                self._token.run_sync_soon(self._wake)
                self._changed.wait_for(lambda: self._size < _MOST_HELD or self._failure)
                self._raise()
                return
        self._wake()

    def _wake(self) -> None:
        self._more.set()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def drain(self, *, all: bool = False) -> None:
        """Wait until few bytes are held, or none with `all`; raises the error of an earlier
        write.
        """
        while self._size > (0 if all else _MOST_HELD) and self._failure is None:
            await self._less.wait()
        self._raise()

    async def pump(self) -> None:
        """Write the bytes that are held, until cancelled or until writing fails."""
        try:
            while True:
                await self._more.wait()
                self._more = trio.Event()
                while self._held:
                    await self._write(self._joined())
        except OSError as error:
            self.end(type(error)(error.errno, error.strerror, self._name))

    def _joined(self) -> bytes:
        """Join and return the next pieces that are held."""
        pieces, size = [], 0
        while self._held and size < _CHUNK:
            pieces.append(self._held.popleft())
            size += len(pieces[-1])
        return b"".join(pieces)

    async def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = await self._write_some(view[:_CHUNK])
            view = view[count:]
            self._note_less(count)

    async def _write_some(self, view: memoryview) -> int:
        if self._blocks:
            return await self._write_in_thread(view)
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return os.write(self._descriptor, view)
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._descriptor)

    async def _write_in_thread(self, view: memoryview) -> int:
        """Write to a file in a thread, since its file system may block."""
        try:
            return await trio.to_thread.run_sync(
                os.write, self._descriptor, view, abandon_on_cancel=True
            )
        except trio.Cancelled:
            self._is_abandoned = True
            raise

    def _note_less(self, count: int) -> None:
        with self._changed:
            self._size -= count
            self._changed.notify_all()
        self._less.set()
        self._less = trio.Event()

    def end(self, failure: OSError) -> None:
        """Make all writes and waits fail from now on."""
        with self._changed:
            self._failure = self._failure or failure
            self._held.clear()
            self._changed.notify_all()
        self._less.set()

    def close(self) -> None:
        """Close the file; bytes that are still held are lost."""
        self.end(BrokenPipeError())
        # An abandoned thread may still write to the descriptor, so its number must not be reused
        # for another file.
        if not self._is_abandoned and not self.closed:
            os.close(self._descriptor)
        super().close()


class _Bytes:
    """The same file for bytes."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)

    def write(self, data: bytes) -> int:
        self._outlet.take(bytes(data))
        return len(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Do nothing: the owner of the file closes it."""


def as_file(outlet: Outlet) -> IO[str]:
    """Return the outlet, typed as a file."""
    return cast("IO[str]", outlet)


@asynccontextmanager
async def running_outlet(descriptor: int, name: str = "") -> AsyncIterator[Outlet]:
    """Make an outlet for a descriptor. At the end of the block, everything is written and the
    descriptor closed.
    """
    failure: BaseException | None = None
    outlet = Outlet(descriptor, name)
    try:
        async with trio.open_nursery() as nursery:
            # This is shielded, since it must write everything even if the line is interrupted.
            pumping = trio.CancelScope(shield=True)
            nursery.start_soon(_pump, outlet, pumping)
            try:
                yield outlet
            except BaseException as error:  # noqa: BLE001  # raised again below, outside the nursery's group
                failure = error
            try:
                await _finish(outlet, interrupted=failure is not None and is_interruption(failure))
            except BaseException as error:  # noqa: BLE001  # as above
                failure = failure or error
            pumping.cancel()
    finally:
        outlet.close()
    if failure is not None:
        raise failure


async def _pump(outlet: Outlet, scope: trio.CancelScope) -> None:
    with scope:
        await outlet.pump()


async def _finish(outlet: Outlet, *, interrupted: bool) -> None:
    with trio.CancelScope(shield=interrupted) as scope:
        if interrupted:
            scope.deadline = trio.current_time() + _CLOSE_TIMEOUT
        await outlet.drain(all=True)
