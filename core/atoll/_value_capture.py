"""Captures the output of a command as the value of a variable."""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, cast

from attrs import define, field

from atoll._capture import Capture, Stream
from atoll._errors import AtollError
from atoll._variables import Value, Values, of_text, shown
from atoll.output import Column, Writer
from atoll.output._machine import encode

_MOST_RECORDS = 100_000
_LONGEST_TEXT = 16 * 1024 * 1024
"""The longest text, in bytes."""
_NAMING = ("id", "name")
"""Fields that can stand for a whole record, the best first."""


@define
class ValueCapture(Capture):
    """Keeps the output of one command: the records that it emits, or its text.

    Standard error is shown, and the command can read from the keyboard.
    """

    _file: IO[str] = field(kw_only=True)
    _first: bool = field(default=False, kw_only=True)
    """Whether only the first record is needed."""
    _values: list[Value] = field(factory=list, init=False)
    _has_records: bool = field(default=False, init=False)

    @property
    def keeps_errors(self) -> bool:
        """False: errors are shown."""
        return False

    @property
    def whole(self) -> bool:
        """Whether more than the first record is wanted."""
        return not self._first

    @property
    def writer(self) -> Callable[[str], Callable[..., Any]]:
        """The function that makes the writer of this capture; the chosen format is ignored."""
        return self._writer_of

    def _writer_of(self, _format: str) -> Callable[..., Writer]:
        self._has_records = True
        return partial(_Collector, self._values)

    def file(self, _stream: Stream) -> IO[str]:
        """Return the file for the output; it has a descriptor, which commands of the system
        need.
        """
        return self._file

    def values(self) -> Values:
        """Return the values; raises AtollError for a text that is too long."""
        if self._has_records:
            return Values(self._values, are_records=True)
        self._file.flush()
        self._file.seek(0)
        text = self._file.read(_LONGEST_TEXT + 1)
        if len(text) > _LONGEST_TEXT:
            raise AtollError(f"a value holds no more than {_LONGEST_TEXT >> 20} MiB of text")
        return of_text(text.rstrip("\n")) if text else Values([])


@contextmanager
def capturing(*, first: bool) -> Iterator[ValueCapture]:
    """Open a capture; with `first`, only the first record is needed."""
    # A file is used, since commands of the system write to it, too.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="surrogateescape") as file:
        yield ValueCapture(file=cast("IO[str]", file), first=first)


class _Collector(Writer):
    """Keeps records as values."""

    def __init__(self, records: list[Value], file: IO[str], **options: Any) -> None:
        super().__init__(file, **options)
        self._records = records

    def begin(self, columns: Sequence[Column], *, single: bool) -> None:
        """Choose the field whose value the record itself has as a text."""
        super().begin(columns, single=single)
        names = [column.name for column in columns]
        self._naming = next((name for name in _NAMING if name in names), names[0] if names else "")

    def row(self, values: Sequence[Any]) -> None:
        """Keep a record; raises AtollError if there are too many."""
        if len(self._records) >= _MOST_RECORDS:
            raise AtollError(f"a value holds no more than {_MOST_RECORDS:,} records")
        fields = {column.name: value for column, value in zip(self.columns, values, strict=True)}
        # The values are converted through JSON, so that they are plain copies.
        plain = json.loads(encode(fields))
        self._records.append(Value(shown(plain.get(self._naming)), plain))
