"""The contract of a format: the methods of the class that a `Format` record names."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import IO, Any

from atoll.output._columns import Column
from atoll.text import printable


class Writer(ABC):
    """Writes records one by one, so that a list of any length takes constant memory.

    `begin` is called once, then `row` for each record with its raw values in the order of the
    columns, then `end`, also if there was no record. `live` is called after `begin` if each record
    shall be readable at once, because records arrive over time. `single` says that the command
    shows one record, not a list. `width` is the number of cells of the terminal, None if the output
    is no terminal. `total` is the number of all records, if that is known and greater than the
    number that was requested. A format that is `for_people` may go through a pager. One that is
    `binary` writes by :meth:`write_bytes` and is refused on a terminal.
    """

    for_people = False
    binary = False

    def __init__(self, file: IO[str], *, width: int | None = None, color: bool = False) -> None:
        self.file = file
        self.width = width
        self.color = color
        self.columns: Sequence[Column] = ()
        self.single = False
        self.total: int | None = None

    def begin(self, columns: Sequence[Column], *, single: bool) -> None:
        """Take the columns."""
        self.columns = columns
        self.single = single

    def live(self) -> None:  # noqa: B027  # most formats hold nothing back
        """From now on, hold no record back."""

    @abstractmethod
    def row(self, values: Sequence[Any]) -> None:
        """Write one record."""

    def end(self) -> None:  # noqa: B027  # most formats hold nothing back
        """Write everything that is still held back."""

    def write_bytes(self, data: bytes) -> None:
        """Write bytes unchanged.

        If the file takes only text, bytes that are not UTF-8 become surrogate escapes (PEP 383).
        """
        buffer = getattr(self.file, "buffer", None)
        if buffer is None:
            self.file.write(data.decode("utf-8", "surrogateescape"))
        else:
            self.file.flush()
            buffer.write(data)

    def shown(self, values: Sequence[Any]) -> list[str]:
        """Return the values as text for people, on one line each."""
        return [
            shown_by(column.show, value) for column, value in zip(self.columns, values, strict=True)
        ]


def shown_by(show: Callable[[Any], str], value: Any) -> str:
    """Return the text of a column's value, on one line. If the column's `show` fails, the value
    itself is shown: it may come from a cluster that gives the field in another form.
    """
    return printable(_shown(show, value))


def _shown(show: Callable[[Any], str], value: Any) -> str:
    try:
        return show(value)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return str(value)
