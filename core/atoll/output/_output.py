"""The output of one command: records, streams of remote programs, and remarks."""

import os
import sys
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Any, Literal

from attrs import define, field

from atoll._errors import UsageError
from atoll._front_line import moved_line
from atoll.output._columns import Column
from atoll.output._outcome import Outcome
from atoll.output._writer import Writer
from atoll.text import printable

_CLEAR_LINE = "\r\x1b[2K"


def _escaped_bytes(text: str) -> bytes | None:
    """Return the bytes that a text with surrogate escapes encodes; None for other texts."""
    with suppress(UnicodeEncodeError):
        text.encode()
        return None
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _is_same_place(first: IO[str], second: IO[str]) -> bool:
    try:
        return os.path.sameopenfile(first.fileno(), second.fileno())
    except (OSError, ValueError):
        return False


def _terminal_width() -> int:
    # Imported here, since this imports compression formats, and a pipe has no width.
    import shutil

    return shutil.get_terminal_size().columns


async def iterate(records: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[Any]:
    """Yield the records of an iterable or an async iterable."""
    if isinstance(records, AsyncGenerator):
        # If the loop ends early, the iterable is closed here, not by garbage collection.
        async with aclosing(records):
            async for record in records:
                yield record
    elif isinstance(records, AsyncIterable):
        async for record in records:
            yield record
    else:
        for record in records:
            yield record


@define
class Output:
    """The output for a command's records, streams and remarks.

    `writer` finds a format by name; `format` is that of `--output`, empty without it. With `quiet`,
    remarks and progress are dropped, but never data, warnings or errors. With `as_official`, JSON
    is written as the official client does (:mod:`atoll.output._envelope`).
    """

    writer: Callable[[str], Callable[..., Writer]]
    stdout: IO[str] = field(factory=lambda: sys.stdout)
    stderr: IO[str] = field(factory=lambda: sys.stderr)
    format: str = ""
    default_format: str = "table"
    quiet: bool = False
    color: bool = False
    redraws: bool = True
    """Whether text on a terminal may be redrawn."""
    label: str = ""
    as_official: bool = False
    columns: int | None = None
    """The width for a file that is not a terminal but shall be treated as one."""
    whole: bool = False
    """Whether lists are written in full, for a script, where people would see only a part."""
    on_record: Callable[[Mapping[str, Any]], object] | None = None
    """Called with each record that is written, by the names of its fields."""
    show_progress: Callable[[str], None] | None = None
    """Shows progress if there is no terminal."""
    _outcome: Outcome = field(factory=Outcome, init=False)
    has_warned: bool = field(default=False, init=False)
    """Whether a warning or an error was shown."""
    has_told_failure: bool = field(default=False, init=False)
    """Whether standard error already says why the command has ended."""
    _warning: str = field(default="", init=False)
    _has_written: bool = field(default=False, init=False)
    _shows_progress: bool = field(default=False, init=False)

    async def rows(
        self,
        records: Iterable[Any] | AsyncIterable[Any],
        columns: Sequence[Column],
        *,
        format: str = "",
        paged: bool = False,
        live: bool = False,
        total: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Write a list; `format` is the command's own default, which `--output` overrides.

        With `paged`, a table that does not fit the terminal goes through a pager. With `live`, each
        record can be read as soon as it is written. `total` is called at the end for the number of
        all records, if these may be only some of them.
        """
        if live:
            await self._live(records, columns, format)
            return
        if paged and (command := self._pager(format)):
            await self._page(command, records, columns, format)
            return
        writer = self._begin(self.stdout, columns, format, single=False)
        async with aclosing(iterate(records)) as found:
            async for record in found:
                self._write(writer, record, columns)
                await self.drain()
        writer.total = total()
        writer.end()
        self.stdout.flush()

    def writes_for_people(self, format: str = "") -> bool:
        """Whether the output is for people and not for programs; `format` is the command's own
        default.
        """
        return self._make(self.stdout, format).for_people

    def _pager(self, format: str) -> list[str]:
        """Return the pager to write through; None if a program reads the terminal."""
        reads = not self.label and self.stdout.isatty()
        return self._pager_command() if reads and self.writes_for_people(format) else []

    def _pager_command(self) -> list[str]:
        from atoll.output._pager import pager_command

        return pager_command()

    async def _live(self, records: Any, columns: Sequence[Column], format: str) -> None:
        writer = self._begin(self.stdout, columns, format, single=False)
        writer.live()
        self.stdout.flush()
        try:
            async with aclosing(iterate(records)) as found:
                async for record in found:
                    self._write(writer, record, columns)
                    self.stdout.flush()
                    await self.drain()
        finally:
            # Ctrl-C is the usual end of a live list; what was written so far must be complete.
            writer.end()
            self.stdout.flush()

    async def _page(
        self, command: list[str], records: Any, columns: Sequence[Column], format: str
    ) -> None:
        from atoll.output._pager import paging

        async with paging(command) as pager:
            writer = self._begin(pager, columns, format, single=False)
            async with aclosing(iterate(records)) as found:
                async for record in found:
                    self._write(writer, record, columns)
                    await pager.drain()
            writer.end()
            await pager.drain(all=True)

    async def text(self, text: str) -> None:
        """Write a text for people; one that does not fit the terminal goes through a pager."""
        command = self._pager_command() if not self.label and self.stdout.isatty() else []
        if not command:
            self.stream("stdout", text)
            return
        from atoll.output._pager import paging

        async with paging(command) as pager:
            pager.write(text)
            await pager.drain(all=True)

    def item(self, record: Any, columns: Sequence[Column], *, format: str = "") -> None:
        """Write one record."""
        writer = self._begin(self.stdout, columns, format, single=True)
        self._write(writer, record, columns)
        writer.end()
        self.stdout.flush()

    def _write(self, writer: Writer, record: Any, columns: Sequence[Column]) -> None:
        values = [column.get(record) for column in columns]
        writer.row(values)
        if self.on_record is not None:
            names = (column.name for column in columns)
            self.on_record(dict(zip(names, values, strict=True)))

    def done(
        self,
        text: str,
        record: Any = None,
        columns: Sequence[Column] = (),
        *,
        official: str = "",
        kind: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Report a change and, if there is one, the record of its result.

        `official` is the official client's message. In its JSON, `kind` is the key of the result,
        and `about` holds what else that client writes.
        """
        message = self.words(text, official)
        if self.in_envelope:
            self._outcome.add(message, record, columns, kind=kind, about=about or {})
            return
        if message:
            self.note(message)
        if record is not None:
            self.item(record, columns)

    def words(self, text: str, official: str) -> str:
        """Return a remark; under the name of the official client, its message comes first, since
        scripts expect it.
        """
        if not (self.as_official and official):
            return text
        return f"{official} ({text})" if text else official

    def attempt(self, thing: str, action: str) -> None:
        """Record the change that the command is about to make, in the official client's words."""
        self._outcome.attempted = {"item_name": thing, "action_name": action}

    def finish(self, code: int, failure: str = "") -> None:
        """Write everything that is still held back, at the end of the command, with `failure` if it
        has failed.
        """
        failure = failure or (self._warning if code and not self._has_written else "")
        if self.in_envelope and self._outcome.write(self.stdout, failure):
            self.has_told_failure = bool(failure) and _is_same_place(self.stdout, self.stderr)

    @property
    def in_envelope(self) -> bool:
        """Whether the JSON of the official client is written."""
        return self.chosen_format() == "envelope"

    def chosen_format(self, format: str = "") -> str:
        """Return the name of the format; `format` is the command's own default. If that is JSON, it
        stays as it is, without an envelope.
        """
        name = self.format or format or self.default_format
        asked = self.format or not format
        return "envelope" if self.as_official and asked and name == "json" else name

    def _make(self, file: Any, format: str) -> Writer:
        width = _terminal_width() if file.isatty() else self.columns
        name = self.chosen_format(format)
        writer = self.writer(name)(file, width=width, color=self.color and width is not None)
        if writer.binary and width is not None:
            raise UsageError(
                f"{name} can't be written to a terminal", hint="write it to a file: > FILE"
            )
        return writer

    def _begin(self, file: Any, columns: Sequence[Column], format: str, *, single: bool) -> Writer:
        self._has_written = True
        writer = self._make(file, format)
        writer.begin(columns, single=single)
        return writer

    def stream(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Write the output of a remote program unchanged, at once.

        Surrogate escapes (PEP 383) stand for bytes that are not UTF-8.
        """
        self._has_written = True
        file = self.stdout if name == "stdout" else self.stderr
        if text.isascii() or (raw := _escaped_bytes(text)) is None:
            file.write(text)
        elif hasattr(file, "buffer") and not file.isatty():
            file.flush()
            file.buffer.write(raw)
        else:
            file.write(raw.decode("utf-8", "replace"))
        file.flush()

    def stream_bytes(self, data: bytes) -> None:
        """Write bytes to standard output at once and unchanged, such as the output of a remote
        terminal.
        """
        self._has_written = True
        if (take := getattr(self.stdout, "take", None)) is not None:
            take(data)
            return
        self.stdout.flush()
        binary: Any = getattr(self.stdout, "buffer")  # noqa: B009  # not every text file has one
        binary.write(data)
        binary.flush()

    async def drain(self) -> None:
        """Wait while much output is held that the reader of standard output has not read yet. Await
        it in loops that call `stream`; :meth:`rows` does so itself.
        """
        if (drain := getattr(self.stdout, "drain", None)) is not None:
            await drain()

    def note(self, text: str) -> None:
        """Write a remark to standard error."""
        if not self.quiet:
            self._say(text)

    def warn(self, text: str) -> None:
        """Write a warning about something that went wrong but did not stop the command."""
        self.has_warned = True
        self._warning = text
        self._say(f"atoll: {text}")

    def _say(self, text: str) -> None:
        prefix = f"{self.label}: " if self.label else ""
        if self._shows_progress and moved_line() is None:
            self.stderr.write(_CLEAR_LINE)  # the line is drawn again at its next change
        self.stderr.write(f"{prefix}{printable(text)}\n")
        self.stderr.flush()

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show a line while something takes time, on a terminal or in the list of jobs; call the
        yielded function to change the line.
        """
        if self.show_progress is not None and not self.quiet:
            self.show_progress(text)
            yield self.show_progress
            self.show_progress("")
            return
        if self.quiet or self.label or not (self.stderr.isatty() or moved_line()):
            yield lambda _text: None
            return

        if not self.redraws and not moved_line():
            self._say(text)
            yield lambda _text: None
            return

        def show(line: str) -> None:
            if (moved := moved_line()) is not None:
                moved.on_progress(printable(line))
                return
            width = _terminal_width()
            self.stderr.write(f"{_CLEAR_LINE}{printable(line)[: width - 1]}")
            self.stderr.flush()

        self._shows_progress = True
        show(text)
        try:
            yield show
        finally:
            show("")
            self._shows_progress = False


current_output: ContextVar[Output | None] = ContextVar("current_output", default=None)
"""The output of the command that the running code belongs to; None in the prompt's own work. It is
for code that gets no context.
"""
