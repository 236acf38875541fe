"""Standard input and output while a command runs.

A command hands its records to `context.output`. What it prints beside that, by `print()` or
`click.echo()`, goes where its output goes, into a file or a pipe too. Where the user has asked for
a format, a program may read the records, so that printed text goes to standard error.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import TextIOBase
from typing import IO, Any

from attrs import define

from atoll._plugins import Origin
from atoll._terminal import Source
from atoll.text import printable

current_source: ContextVar[Source | None] = ContextVar("current_source", default=None)
"""What the running command reads."""
printed: ContextVar[IO[str] | None] = ContextVar("printed", default=None)
"""Where that goes which the running code prints."""


class _Out:
    """Stands for `sys.stdout`: each command's prints go where its own output goes."""

    def __init__(self, real: IO[str]) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real if (to := printed.get()) is None else to, name)


class _In:
    """Stands for `sys.stdin`: each command reads its own input."""

    def __init__(self, real: IO[str]) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file(), name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._file())

    def _file(self) -> IO[str]:
        source = current_source.get()
        return source.as_file() if source else self.real


@define
class _Installed:
    """What stands for the standard streams, and for how many commands it does."""

    stdout: _Out
    stdin: _In
    stderr: IO[str]
    users: int = 0

    def put(self) -> None:
        """Stand in, also where a command has put something else meanwhile."""
        sys.stdout, sys.stdin, sys.stderr = self.stdout, self.stdin, self.stderr

    def take_away(self) -> None:
        sys.stdout, sys.stdin, sys.stderr = self.stdout.real, self.stdin.real, self.stderr


_installed: _Installed | None = None


@contextmanager
def streams_of(source: Source, prints: IO[str]) -> Iterator[None]:
    """Have the code within read from `source` and print to `prints`; whatever it makes of the
    standard streams is undone.
    """
    global _installed  # noqa: PLW0603  # there is one sys.stdout
    installed = _installed or _Installed(_Out(sys.stdout), _In(sys.stdin), sys.stderr)
    _installed = installed
    installed.users += 1
    installed.put()
    tokens = current_source.set(source), printed.set(prints)
    try:
        yield
    finally:
        current_source.reset(tokens[0])
        printed.reset(tokens[1])
        installed.users -= 1
        if installed.users:
            installed.put()
        else:
            installed.take_away()
            _installed = None


def real_stdout() -> IO[str]:
    """Return the program's standard output, whatever stands for it."""
    return _installed.stdout.real if _installed else sys.stdout


class _Lines(TextIOBase):
    """Tells each line that a plugin prints where nothing should be printed, with its name."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._begun = ""

    def write(self, text: str) -> int:
        """Tell the lines that are complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            sys.stderr.write(f"atoll: {self._origin}: {printable(line)}\n")
        return len(text)

    def end(self) -> None:
        """Tell the last line, which may lack its end."""
        if self._begun:
            self.write("\n")


@contextmanager
def printing_as(origin: Origin) -> Iterator[None]:
    """Have what is printed within go to standard error, as lines of a plugin."""
    lines = _Lines(origin)
    token = printed.set(lines)  # type: ignore[arg-type]  # a file as far as anyone writes
    try:
        yield
    finally:
        printed.reset(token)
        lines.end()
