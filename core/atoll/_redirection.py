"""Where a statement reads and writes: files, FIFOs, and commands of the system behind `|`.

Whatever is opened, read and written can be waited for, and that wait be interrupted: nothing here
stands still with the event loop.
"""

import errno
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import trio
from attrs import define

from atoll._errors import AtollError
from atoll._outlet import as_file, flowing
from atoll._statement import Statement
from atoll._streams import real_stdout
from atoll._system import pipe_into

if TYPE_CHECKING:
    import subprocess

_PAUSE = 0.05
"""Seconds after which a FIFO is tried again that nobody reads."""
_GRACE = 3.0
"""Seconds that the command behind a pipe has for its end when the line is interrupted."""
_COMMON = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@define
class Sink:
    """Where the output of a statement goes; `kept` is a file that takes what would be shown."""

    statement: Statement
    kept: IO[str] | None = None
    _reader: "subprocess.Popen[bytes] | None" = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[IO[str]]:
        """Open it; at the end, all that was written has been handed on. Raises AtollError."""
        statement = self.statement
        if statement.pipe:
            async with self._piped() as file:
                yield file
        elif statement.target is not None:
            mode = os.O_APPEND if statement.append else os.O_TRUNC
            descriptor = await _open(statement.target, os.O_WRONLY | os.O_CREAT | mode)
            async with flowing(descriptor, str(statement.target)) as outlet:
                yield as_file(outlet)
        else:
            yield self.kept or real_stdout()

    @asynccontextmanager
    async def _piped(self) -> AsyncIterator[IO[str]]:
        read_end, write_end = os.pipe()
        try:
            self._reader = pipe_into(
                self.statement.pipe,
                read_end,
                stdout=self.kept,
                variables=self.statement.variables,
            )
        finally:
            os.close(read_end)
        os.set_blocking(write_end, False)
        try:
            async with flowing(write_end) as outlet:
                yield as_file(outlet)
        except BrokenPipeError:
            pass  # a reader that has seen enough is no failure of the writer

    async def ended(self) -> int:
        """Wait for the command behind a pipe, which is ended if that is cancelled; returns its exit
        code, 0 where there is none.
        """
        if self._reader is None:
            return 0
        try:
            return await trio.to_thread.run_sync(self._reader.wait, abandon_on_cancel=True)
        except trio.Cancelled:
            await _end(self._reader)
            raise


async def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with trio.CancelScope(shield=True):
        with trio.move_on_after(_GRACE):
            await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
            return
        process.kill()
        await trio.to_thread.run_sync(process.wait)


async def open_source(path: Path) -> IO[str]:
    """Open a file to read from, and wait for who writes if it is a FIFO; raises AtollError."""
    descriptor = await _open(path, os.O_RDONLY)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            await trio.lowlevel.wait_readable(descriptor)
        # Threads read from it as well, and may wait.
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, encoding="utf-8")
    except OSError as error:
        os.close(descriptor)
        raise AtollError(f"{path}: {error.strerror}") from None
    except BaseException:
        os.close(descriptor)
        raise


async def _open(path: Path, flags: int) -> int:
    """Open a file, and wait for who reads if it is a FIFO; raises AtollError."""
    while True:
        try:
            return await _open_in_thread(path, flags | _COMMON)
        except OSError as error:
            if error.errno != errno.ENXIO or not await trio.to_thread.run_sync(path.is_fifo):
                raise AtollError(f"{path}: {error.strerror}") from None
        await trio.sleep(_PAUSE)


async def _open_in_thread(path: Path, flags: int) -> int:
    """Open a file that may be on a file system which does not answer."""
    is_abandoned = False

    def open_it() -> int:
        descriptor = os.open(path, flags, 0o666)
        if is_abandoned:
            os.close(descriptor)
        return descriptor

    try:
        return await trio.to_thread.run_sync(open_it, abandon_on_cancel=True)
    except trio.Cancelled:
        is_abandoned = True
        raise
