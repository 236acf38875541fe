"""The progress of a script: one line on a terminal, if the script's output does not go there."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from attrs import define

from atoll.text import printable

_CLEAR = "\r\x1b[2K"
_PACE = 0.1
"""Seconds between updates of the line, since a script may have thousands of very short lines."""


@define
class Progress:
    """Shows which line runs, of `total` if that is known; removed before other text is written."""

    terminal: IO[str]
    total: int = 0
    _shown: bool = False
    _next: float = 0

    def show(self, line: int, text: str) -> None:
        """Show a line of the script."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PACE
        of_total = f"/{self.total}" if self.total else ""
        shown = printable(f"line {line}{of_total}: {text}")
        width = shutil.get_terminal_size().columns
        self.terminal.write(f"{_CLEAR}{shown[: width - 1]}")
        self.terminal.flush()
        self._shown = True

    def clear(self) -> None:
        """Remove the progress line."""
        if self._shown:
            self._shown = False
            self.terminal.write(_CLEAR)
            self.terminal.flush()


class _Stderr:
    """Standard error; the progress line is removed before other text is written to it."""

    def __init__(self, file: IO[str], progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        self._progress.clear()
        return self._file.write(text)


@contextmanager
def progress(total: int) -> Iterator[Progress | None]:
    """Show progress on standard error in the block, if that is a terminal and standard output is
    not; otherwise the output of the script would mix with it.
    """
    stderr = sys.stderr
    if not stderr.isatty() or sys.stdout.isatty():
        yield None
        return
    shown = Progress(stderr, total)
    sys.stderr = _Stderr(stderr, shown)
    try:
        yield shown
    finally:
        shown.clear()
        sys.stderr = stderr
