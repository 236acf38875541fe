"""Redirects standard input and output while a command runs.

A command emits its records by `context.output`. Text that it prints by `print()` or `click.echo()`
goes to the same place, a file or a pipe for example. If the user has asked for a format, a program
may read the records, so printed text goes to standard error instead.
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
"""The input of the running command."""
printed: ContextVar[IO[str] | None] = ContextVar("printed", default=None)
"""The file to which `print()` in the running code writes."""


class _Out:
    """Replaces `sys.stdout`, so that printed text goes to the output of the command that
    prints it.
    """

    def __init__(self, real: IO[str]) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real if (to := printed.get()) is None else to, name)


class _In:
    """Replaces `sys.stdin`, so that each command reads its own input."""

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
    """The replacements of the standard streams, and the number of running commands that need
    them.
    """

    stdout: _Out
    stdin: _In
    stderr: IO[str]
    users: int = 0

    def put(self) -> None:
        """Install the replacements, even if a command has installed other streams meanwhile."""
        sys.stdout, sys.stdin, sys.stderr = self.stdout, self.stdin, self.stderr

    def take_away(self) -> None:
        sys.stdout, sys.stdin, sys.stderr = self.stdout.real, self.stdin.real, self.stderr


_installed: _Installed | None = None


@contextmanager
def streams_of(source: Source, prints: IO[str]) -> Iterator[None]:
    """Make the code in the block read from `source` and print to `prints`. Changes that it makes to
    the standard streams are undone.
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
    """Return the program's own standard output, even while it is replaced."""
    return _installed.stdout.real if _installed else sys.stdout


class _Lines(TextIOBase):
    """Writes each line that a plugin prints to standard error, with the plugin's name."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._begun = ""

    def write(self, text: str) -> int:
        """Write the lines that are complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            sys.stderr.write(f"atoll: {self._origin}: {printable(line)}\n")
        return len(text)

    def end(self) -> None:
        """Write the last line, which may have no line break."""
        if self._begun:
            self.write("\n")


@contextmanager
def printing_as(origin: Origin) -> Iterator[None]:
    """Send what is printed in the block to standard error, each line with the plugin's name."""
    lines = _Lines(origin)
    token = printed.set(lines)  # type: ignore[arg-type]  # a file as far as anyone writes
    try:
        yield
    finally:
        printed.reset(token)
        lines.end()
