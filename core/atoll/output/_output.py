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
from atoll.output._columns import Column
from atoll.output._outcome import Outcome
from atoll.output._writer import Writer
from atoll.text import printable

_CLEAR_LINE = "\r\x1b[2K"


def _escaped_bytes(text: str) -> bytes | None:
    """Return the bytes that a text with surrogate escapes stands for, None for other texts."""
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
    # Imported here, since it imports compression formats, and a pipe has no width.
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
    """Where a command's records, streams and remarks go.

    `writer` finds a format by name; `format` is that of `--output`, empty without it. `quiet` drops
    remarks and progress, never data, warnings or errors. With `as_official`, JSON is written as the
    official client does (:mod:`atoll.output._envelope`).
    """

    writer: Callable[[str], Callable[..., Writer]]
    stdout: IO[str] = field(factory=lambda: sys.stdout)
    stderr: IO[str] = field(factory=lambda: sys.stderr)
    format: str = ""
    default_format: str = "table"
    quiet: bool = False
    color: bool = False
    redraws: bool = True
    """Whether what stands on a terminal may be drawn anew."""
    label: str = ""
    as_official: bool = False
    columns: int | None = None
    """How wide a terminal to write for, where the file is none but shall be taken for one."""
    whole: bool = False
    """Whether lists that are shown in part to people are to be whole: a script goes over them."""
    on_record: Callable[[Mapping[str, Any]], object] | None = None
    """Is told each record that is written, by the names of its fields."""
    show_progress: Callable[[str], None] | None = None
    """Where progress is shown in place of a terminal."""
    _outcome: Outcome = field(factory=Outcome, init=False)
    has_warned: bool = field(default=False, init=False)
    """Whether something was told that went wrong."""
    has_told_failure: bool = field(default=False, init=False)
    """Whether whoever reads standard error knows why the command ended."""
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
            # Ctrl-C is the usual end of a live list; what was written must be complete.
            writer.end()
            self.stdout.flush()

    async def _page(
        self, command: list[str], records: Any, columns: Sequence[Column], format: str
    ) -> None:
        from atoll.output._pager import Pager

        pager = Pager.start(command)
        try:
            writer = self._begin(pager, columns, format, single=False)
            async with aclosing(iterate(records)) as found:
                async for record in found:
                    self._write(writer, record, columns)
                    await pager.drain()
            writer.end()
            await pager.drain(all=True)
        except BrokenPipeError:
            pass  # the user has left the pager
        finally:
            await pager.aclose()

    async def text(self, text: str) -> None:
        """Write a text for people; one that does not fit the terminal goes through a pager."""
        command = self._pager_command() if not self.label and self.stdout.isatty() else []
        if not command:
            self.stream("stdout", text)
            return
        from atoll.output._pager import Pager

        pager = Pager.start(command)
        try:
            pager.write(text)
            await pager.drain(all=True)
        except BrokenPipeError:
            pass  # its user has seen enough
        finally:
            await pager.aclose()

    def item(self, record: Any, columns: Sequence[Column], *, format: str = "") -> None:
        """Write one thing."""
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
        said = self.words(text, official)
        if self.in_envelope:
            self._outcome.add(said, record, columns, kind=kind, about=about or {})
            return
        if said:
            self.note(said)
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
        """Note the change that the command is about to make, in the official client's words."""
        self._outcome.attempted = {"item_name": thing, "action_name": action}

    def finish(self, code: int, failure: str = "") -> None:
        """Write what is still held back, at the end of the command, with `failure` if it has
        failed.
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
        """Write bytes to standard output unchanged, at once, such as what a terminal is to get."""
        self._has_written = True
        if (take := getattr(self.stdout, "take", None)) is not None:
            take(data)
            return
        self.stdout.flush()
        binary: Any = getattr(self.stdout, "buffer")  # noqa: B009  # not every text file has one
        binary.write(data)
        binary.flush()

    async def drain(self) -> None:
        """Wait if much was written to standard output that its reader has not taken yet. Await it
        in loops that call `stream`; :meth:`rows` does so itself.
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
        if self._shows_progress:
            self.stderr.write(_CLEAR_LINE)  # it is drawn again at its next change
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
        if self.quiet or self.label or not self.stderr.isatty():
            yield lambda _text: None
            return

        if not self.redraws:
            self._say(text)
            yield lambda _text: None
            return

        def show(line: str) -> None:
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
"""Where the running code tells its user something; None in what the prompt does by itself. For code
that is handed no context.
"""
