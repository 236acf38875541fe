"""The input and output of a statement: files, FIFOs, and commands of the system behind `|`.

All opening, reading and writing is async and can be cancelled: nothing here blocks the event loop.
"""

import errno
import os
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import trio
from attrs import define, field

from atoll._errors import AtollError, is_interruption
from atoll._front_line import lent_to, terminal_free
from atoll._outlet import as_file, running_outlet
from atoll._statement import Statement
from atoll._streams import real_stdout
from atoll._system import pipe_into

if TYPE_CHECKING:
    import subprocess

_PAUSE = 0.05
"""Seconds between two attempts to open a FIFO that has no reader."""
_GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL for the command after a pipe."""
_COMMON = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@define
class Sink:
    """The output of a statement; `kept` is a file that gets the text which would otherwise be
    shown.
    """

    statement: Statement
    kept: IO[str] | None = None
    _reader: "subprocess.Popen[bytes] | None" = None
    _lent: ExitStack = field(factory=ExitStack)
    """Notes as long as the reader lives that it uses the terminal."""

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[IO[str]]:
        """Open the output; at the end of the block, everything is written. Raises AtollError."""
        statement = self.statement
        if statement.pipe:
            async with self._piped() as file:
                yield file
        elif statement.target is not None:
            mode = os.O_APPEND if statement.append else os.O_TRUNC
            descriptor = await _open(statement.target, os.O_WRONLY | os.O_CREAT | mode)
            async with running_outlet(descriptor, str(statement.target)) as outlet:
                yield as_file(outlet)
        else:
            async with _shown(self.kept or real_stdout()) as file:
                yield file

    @asynccontextmanager
    async def _piped(self) -> AsyncIterator[IO[str]]:
        if self.kept is None:
            await terminal_free()
            self._lent.enter_context(lent_to())
        await written(real_stdout())
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
            async with running_outlet(write_end) as outlet:
                yield as_file(outlet)
        except BrokenPipeError:
            pass  # the reader may end early, which is not an error

    async def ended(self) -> int:
        """Wait for the command after a pipe, and end it if the wait is cancelled; returns its exit
        code, 0 if there is no pipe.
        """
        with self._lent:
            return await self._wait() if self._reader is not None else 0

    async def _wait(self) -> int:
        assert self._reader is not None  # noqa: S101  # the caller has checked
        try:
            code = await trio.to_thread.run_sync(self._reader.wait, abandon_on_cancel=True)
        except trio.Cancelled:
            await _end(self._reader)
            raise
        return code if code >= 0 else 128 - code


async def written(file: IO[str] | None) -> None:
    """Wait until a terminal has accepted everything that was written, if it is one that reports
    this.
    """
    if (drain := getattr(file, "drain", None)) is not None:
        await drain(all=True)


@asynccontextmanager
async def _shown(file: IO[str]) -> AsyncIterator[IO[str]]:
    """At the end, wait for the terminal; if interrupted, drop the text that it has not accepted."""
    try:
        yield file
        await written(file)
    except BaseException as error:
        if is_interruption(error) and (drop := getattr(file, "drop", None)) is not None:
            drop()
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
    """Open a file to read from; wait for a writer if it is a FIFO. Raises AtollError."""
    descriptor = await _open(path, os.O_RDONLY)
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            await trio.lowlevel.wait_readable(descriptor)
        # Threads may read from it too, and they may block.
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, encoding="utf-8")
    except OSError as error:
        os.close(descriptor)
        raise AtollError(f"{path}: {error.strerror}") from None
    except BaseException:
        os.close(descriptor)
        raise


async def _open(path: Path, flags: int) -> int:
    """Open a file; wait for a reader if it is a FIFO. Raises AtollError."""
    while True:
        try:
            return await _open_in_thread(path, flags | _COMMON)
        except OSError as error:
            if error.errno != errno.ENXIO or not await trio.to_thread.run_sync(path.is_fifo):
                raise AtollError(f"{path}: {error.strerror}") from None
        await trio.sleep(_PAUSE)


async def _open_in_thread(path: Path, flags: int) -> int:
    """Open a file in a thread, since its file system may not answer."""
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
