"""The journal of a sweep: one JSON object per line, written before the process acts on it.

    {"event": "begin", "at": …, "pid": …}                    a process starts to run the sweep
    {"event": "start", "case": 3, "at": …, "session": NAME}  a session is about to be requested
    {"event": "session", "case": 3, "id": …}                 the session exists
    {"event": "end", "case": 3, "at": …, "seconds": …, "exit_code": 0, "error": ""}
    {"event": "stop", "at": …, "how": "finished", "why": ""} the process stops running it

Each line is written to the file with one unbuffered write, so SIGKILL loses no line. A line that a
crash of the machine has cut off is ignored, and its case runs again.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

from atoll_sessions.sweep.progress import Progress


def read_progress(path: Path, count: int) -> Progress:
    """Read the journal of a sweep with this many cases; a journal that does not exist is empty."""
    progress = Progress(count)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return progress
    for line in lines:
        # A crash may have cut off the line, or another release may have written an event unknown
        # here.
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            progress.apply(json.loads(line))
    return progress


@frozen
class Journal:
    """A journal that is open for writing, and the progress that it records."""

    descriptor: int
    progress: Progress

    def begin(self) -> None:
        """Record that a process starts to run the sweep."""
        self._add(event="begin", at=time.time(), pid=os.getpid())

    def start(self, case: int, session: str) -> None:
        """Record that a session of this name will be requested."""
        self._add(event="start", case=case, at=time.time(), session=session)

    def session(self, case: int, session_id: str) -> None:
        """Record that the cluster has created the session of the case."""
        self._add(event="session", case=case, id=session_id)

    def end(self, case: int, exit_code: int | None, error: str, seconds: float) -> None:
        """Record that the case has ended, with an exit code or with an error."""
        self._add(
            event="end",
            case=case,
            at=time.time(),
            seconds=round(seconds, 3),
            exit_code=exit_code,
            error=error,
        )

    def stop(self, how: str, why: str = "") -> None:
        """Record that the process stops running the sweep, and sync the file to disk."""
        self._add(event="stop", at=time.time(), how=how, why=why)
        os.fsync(self.descriptor)

    def _add(self, **event: Any) -> None:
        os.write(self.descriptor, json.dumps(event, separators=(",", ":")).encode() + b"\n")
        self.progress.apply(event)


@contextmanager
def open_journal(path: Path, count: int) -> Iterator[Journal]:
    """Open a journal to continue it."""
    progress = read_progress(path, count)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        _end_torn_line(descriptor)
        yield Journal(descriptor, progress)
    finally:
        os.close(descriptor)


def _end_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, b"\n")
