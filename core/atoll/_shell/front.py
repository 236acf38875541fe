"""The line in the foreground: what Ctrl-Z does, and where its output goes."""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any

import trio
from attrs import define, field

from atoll._front_line import current_line, moved_line
from atoll._jobs import Jobs
from atoll._shell.job_control import JobControl, Name
from atoll._shell.job_output import labelled
from atoll._shell.suspending import stop_all

_REDRAWN = re.compile(r"[^\n]*\r(?!\n)|\x1b\[[\d;?]*[A-Za-ln-z]|\r(?=\n)")
"""What is no text of a line: what was overwritten, and sequences that are no colours."""
_LONGEST = 8192
"""The most characters that are kept of an unfinished line."""


@define
class Front:
    """Handles the signal of Ctrl-Z for the line in the foreground."""

    control: JobControl
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)

    @property
    def jobs(self) -> Jobs:
        """The jobs of the prompt."""
        return self.control.jobs

    @contextmanager
    def hearing_stops(self) -> Iterator[None]:
        """Handle Ctrl-Z in the block. The prompt itself handles it differently."""
        before = signal.signal(signal.SIGTSTP, self._hear_stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTSTP, before)

    def _hear_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._token.run_sync_soon(self._stop, idempotent=True)

    def _stop(self) -> None:
        if not self.jobs.in_front:
            return  # the line has just ended or left the foreground, and the prompt comes
        job = self.jobs.in_front[-1]
        terminal = self.control.foreground
        if job.line is None or terminal is None or not terminal.sends_signals:
            stop_all()
        elif job.line.programs and os.getpgrp() == os.getsid(0):
            pass  # no shell has started atoll, so the system stops no program of this group
        elif job.line.programs or job.line.readers:
            self.jobs.note_stop(job)
        else:
            self.jobs.leave(job)
            job.line.go_on()


@contextmanager
def diverted(control: JobControl) -> Iterator[None]:
    """Label the output of lines that are moved to the background during the block."""
    before = sys.stdout, sys.stderr
    sys.stdout = _Diverted(before[0], "stdout", control)
    sys.stderr = _Diverted(before[1], "stderr", control)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Diverted:
    """A standard stream: what lines in the background write appears as the output of jobs does."""

    def __init__(self, file: IO[str], name: Name, control: JobControl) -> None:
        self._file = file
        self._name = name
        self._control = control

    def __getattr__(self, name: str) -> Any:
        if name in ("take", "buffer") and moved_line() is not None:
            return self._put_bytes if name == "take" else _Bytes(self._put_bytes)
        return getattr(self._file, name)

    def isatty(self) -> bool:
        """Whether it is a terminal for the running code."""
        return moved_line() is None and self._file.isatty()

    def write(self, text: str) -> int:
        """Write a text, or put its whole lines above the prompt."""
        if (line := current_line.get()) is None:
            return self._file.write(text)
        begun = line.begun.get(self._name, "")
        lines, _, rest = (begun + text[-_LONGEST:]).rpartition("\n")
        if line.is_moved:
            lines, _, rest = _REDRAWN.sub("", begun + text).rpartition("\n")
            if lines:
                self._control.put(self._name, labelled(line.number, lines))
        line.begun[self._name] = "" if "\r" in rest else rest
        return len(text) if line.is_moved else self._file.write(text)

    def _put_bytes(self, data: bytes) -> int:
        self.write(data.decode(errors="replace"))
        return len(data)

    def flush(self) -> None:
        """Write what the stream holds."""
        if moved_line() is None:
            self._file.flush()

    async def drain(self, *, all: bool = False) -> None:
        """Wait while much is held, or until nothing is held with `all`."""
        if moved_line() is not None:
            await self._control.room()
            await self._control.reader.drain()
        elif (drain := getattr(self._file, "drain", None)) is not None:
            await drain(all=all)

    def drop(self) -> None:
        """Drop text that the terminal has not accepted."""
        drop = getattr(self._file, "drop", None)
        if drop is not None and moved_line() is None:
            drop()


@define
class _Bytes:
    """The stream for bytes."""

    write: Callable[[bytes], int]

    def flush(self) -> None:
        """Do nothing."""
