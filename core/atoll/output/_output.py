"""One command's way to its user."""

import shutil
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import IO, Any, Literal

from attrs import define, field

from atoll.output._columns import Column
from atoll.output._pager import Pager, pager_command
from atoll.output._writer import Writer
from atoll.text import printable

MakeWriter = Callable[..., Writer]
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


async def _iterate(records: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(records, AsyncIterable):
        async for record in records:
            yield record
    else:
        for record in records:
            yield record


@define
class Output:
    """Where a command's records, streams and remarks go.

    `writer` looks a format up by name; `format` is what `--output` chose, empty when it chose
    nothing. `quiet` drops remarks and progress, never data, warnings or errors.
    """

    writer: Callable[[str], MakeWriter]
    stdout: IO[str] = field(factory=lambda: sys.stdout)
    stderr: IO[str] = field(factory=lambda: sys.stderr)
    format: str = ""
    default_format: str = "table"
    quiet: bool = False
    color: bool = False
    label: str = ""
    has_warned: bool = field(default=False, init=False)
    """Whether something was told that went wrong."""
    _shows_progress: bool = field(default=False, init=False)

    async def rows(
        self,
        records: Iterable[Any] | AsyncIterable[Any],
        columns: Sequence[Column],
        *,
        format: str = "",
        paged: bool = False,
        live: bool = False,
    ) -> None:
        """Write a list; `format` is the command's own preference, which `--output` overrides.

        With `paged`, a list that does not fit the terminal goes through a pager. With `live`, each
        record can be read as soon as it comes.
        """
        if live:
            await self._live(records, columns, format)
            return
        if paged and not self.label and self.stdout.isatty() and (command := pager_command()):
            await self._page(command, records, columns, format)
            return
        writer = self._begin(self.stdout, columns, format, single=False)
        async for record in _iterate(records):
            writer.row([column.get(record) for column in columns])
        writer.end()
        self.stdout.flush()

    async def _live(self, records: Any, columns: Sequence[Column], format: str) -> None:
        writer = self._begin(self.stdout, columns, format, single=False)
        writer.live()
        self.stdout.flush()
        try:
            async for record in _iterate(records):
                writer.row([column.get(record) for column in columns])
                self.stdout.flush()
        finally:
            # Ctrl-C is how watching usually ends: what was written shall be whole even so.
            writer.end()
            self.stdout.flush()

    async def _page(
        self, command: list[str], records: Any, columns: Sequence[Column], format: str
    ) -> None:
        pager = Pager.start(command)
        try:
            writer = self._begin(pager, columns, format, single=False)
            async for record in _iterate(records):
                writer.row([column.get(record) for column in columns])
                await pager.drain()
            writer.end()
            await pager.drain(all=True)
        except BrokenPipeError:
            pass  # its user has seen enough
        finally:
            await pager.aclose()

    def item(self, record: Any, columns: Sequence[Column], *, format: str = "") -> None:
        """Write one thing."""
        writer = self._begin(self.stdout, columns, format, single=True)
        writer.row([column.get(record) for column in columns])
        writer.end()
        self.stdout.flush()

    def _begin(self, file: Any, columns: Sequence[Column], format: str, *, single: bool) -> Writer:
        make = self.writer(self.format or format or self.default_format)
        width = shutil.get_terminal_size().columns if file.isatty() else None
        writer = make(file, width=width, color=self.color and width is not None)
        writer.begin(columns, single=single)
        return writer

    def stream(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Pass on what a remote program wrote, as it is, at once.

        Surrogate escapes (PEP 383) stand for bytes that are no UTF-8.
        """
        file = self.stdout if name == "stdout" else self.stderr
        if text.isascii() or (raw := _escaped_bytes(text)) is None:
            file.write(text)
        elif hasattr(file, "buffer") and not file.isatty():
            file.flush()
            file.buffer.write(raw)
        else:
            file.write(raw.decode("utf-8", "replace"))
        file.flush()

    def note(self, text: str) -> None:
        """Remark on what happens, on standard error."""
        if not self.quiet:
            self._say(text)

    def warn(self, text: str) -> None:
        """Tell of something that went wrong but did not stop the command."""
        self.has_warned = True
        self._say(f"atoll: {text}")

    def _say(self, text: str) -> None:
        prefix = f"{self.label}: " if self.label else ""
        if self._shows_progress:
            self.stderr.write(_CLEAR_LINE)  # until it is shown again
        self.stderr.write(f"{prefix}{printable(text)}\n")
        self.stderr.flush()

    @contextmanager
    def progress(self, text: str) -> Iterator[Callable[[str], None]]:
        """Show a line while something takes its time, on a terminal only; call what is yielded to
        change it.
        """
        if self.quiet or self.label or not self.stderr.isatty():
            yield lambda _text: None
            return

        def show(line: str) -> None:
            width = shutil.get_terminal_size().columns
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
