"""Standard output and error while a prompt may be on the screen.

What is written while the prompt is shown appears above it. What a background job writes appears
line by line, with the job's number before it.
"""

import asyncio
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from attrs import define, field
from prompt_toolkit.application import Application

from atoll._jobs import Job, current_job


@define
class Screen:
    """Knows whether the prompt is shown, and puts text above it.

    To be used on the thread of `loop`; only writing is safe on others.
    """

    loop: asyncio.AbstractEventLoop
    terminal: IO[str] = field(factory=lambda: sys.stdout)
    _waiting: list[tuple[IO[str], str]] = field(factory=list)
    _app: Application[str] | None = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand in for `sys.stdout` and `sys.stderr`."""
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Stream(file, self) for file in before)
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            self._put()

    @property
    def shown(self) -> bool:
        """Whether the prompt is on the screen."""
        return self._app is not None

    @contextmanager
    def prompting(self, app: Application[str]) -> Iterator[None]:
        """Put what is written above the prompt, which is shown within."""
        self._app = app
        try:
            yield
        finally:
            self._app = None
            self._put()

    def write(self, file: IO[str], text: str) -> None:
        """Write whole lines: above the prompt when that is shown, else at once."""
        self._waiting.append((file, text))
        if self.shown:
            self.loop.call_soon_threadsafe(self._put_above)
        else:
            self._put()

    def _put_above(self) -> None:
        app = self._app
        if app is None or not app.is_running:
            self._put()
        elif self._waiting:
            # prompt_toolkit's own in_terminal() would leave raw mode for this, and a Ctrl-D or
            # Ctrl-C that is pressed meanwhile would never reach the prompt.
            app.renderer.erase()
            self._put()
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def _put(self) -> None:
        waiting, self._waiting = self._waiting, []
        for file, text in waiting:
            file.write(text)
            file.flush()


class _Stream:
    """A file that belongs to the screen."""

    def __init__(self, file: IO[str], screen: Screen) -> None:
        self._file = file
        self._screen = screen
        self._unfinished: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        job = current_job.get()
        if job is None and not self._screen.shown:
            return self._file.write(text)
        number = job.number if job else 0
        *lines, rest = (self._unfinished.pop(number, "") + text).split("\n")
        if rest:
            self._unfinished[number] = rest
        if lines:
            self._screen.write(self._file, "".join(f"{_label(job)}{line}\n" for line in lines))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if current_job.get() is None and not self._screen.shown:
            self._file.flush()

    def isatty(self) -> bool:
        # A job has no terminal of its own to draw progress on.
        return current_job.get() is None and self._file.isatty()

    def finish(self, job: Job) -> None:
        """Write the last line of a job that left it without an end."""
        if rest := self._unfinished.pop(job.number, ""):
            self._screen.write(self._file, f"{_label(job)}{rest}\n")


def _label(job: Job | None) -> str:
    return f"[{job.number}] " if job else ""


def finish_lines(job: Job) -> None:
    """Write what a job has left without the end of a line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Stream):
            stream.finish(job)


def begin_line(file: IO[str]) -> None:
    """Move to the start of a line: to the next one if something stands on this."""
    # A terminal wraps only when a character follows the last column. So a row of spaces ends on
    # this row when it began at its start, and on the next when it did not.
    columns = shutil.get_terminal_size().columns
    file.write(" " * columns + "\r")
    file.flush()
