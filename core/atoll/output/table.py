"""The formats for people: a table of fixed widths, and the same without header and lines."""

from collections.abc import Sequence
from typing import Any

from atoll.output.columns import Column
from atoll.output.writer import Writer

SAMPLE = 200
"""How many rows are looked at before the widths are fixed."""
_GAP = "  "
_READABLE, _HINT = 8, 6
"""Cells that a column is cut to, and to where even those are too many."""


def cells(text: str) -> int:
    """Return how many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def fit(text: str, width: int) -> str:
    """Cut a text to a number of cells, marking the cut."""
    if cells(text) <= width:
        return text
    while text and cells(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


class Table(Writer):
    """A header, a rule and a line a record; one record alone is shown with a line a field."""

    header = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: list[list[str]] | None = []
        self._widths: list[int] = []

    def live(self) -> None:
        """Write the header now, as wide as the titles and the columns' own widths ask."""
        # Where no later row has a say in the widths, one that needs more is not cut to them.
        self.width = None
        reserved = [" " * column.width for column in self.columns]
        self._held = None
        self._begin_rows([reserved])

    def row(self, values: Sequence[Any]) -> None:
        """Hold the first rows back until the widths are known, then write each at once."""
        shown = self.shown(values)
        if self._held is None:
            self._write(shown)
            return
        self._held.append(shown)
        if len(self._held) >= SAMPLE:
            self._release()

    def end(self) -> None:
        """Write a table that was shorter than the sample."""
        if self._held is not None:
            self._release()

    def _release(self) -> None:
        held, self._held = self._held or [], None
        if self.single:
            for shown in held:
                self._write_fields(shown)
            return
        self._begin_rows(held)
        for shown in held:
            self._write(shown)

    def _begin_rows(self, sample: Sequence[Sequence[str]]) -> None:
        self._widths = self._choose_widths(sample)
        if self.header:
            self._write_header()

    def _choose_widths(self, rows: Sequence[Sequence[str]]) -> list[int]:
        titles = [cells(column.heading) if self.header else 0 for column in self.columns]
        widths = [
            max(title, *(cells(row[index]) for row in rows)) if rows else title
            for index, title in enumerate(titles)
        ]
        return _narrow(widths, self.columns, self.width) if self.width else widths

    def _write_header(self) -> None:
        titles = [column.heading for column in self.columns]
        line = self._line(titles)
        self.file.write(f"\x1b[1m{line}\x1b[0m\n" if self.color else line + "\n")
        self.file.write(_GAP.join("-" * width for width in self._widths) + "\n")

    def _write(self, shown: Sequence[str]) -> None:
        self.file.write(self._line(shown) + "\n")

    def _line(self, texts: Sequence[str]) -> str:
        padded = [
            _pad(fit(text, width) if self.width else text, width, right=column.right)
            for text, width, column in zip(texts, self._widths, self.columns, strict=True)
        ]
        return _GAP.join(padded).rstrip()

    def _write_fields(self, shown: Sequence[str]) -> None:
        titles = [column.heading for column in self.columns]
        width = max(map(cells, titles), default=0)
        for title, text in zip(titles, shown, strict=True):
            name = _pad(title, width, right=False)
            name = f"\x1b[1m{name}\x1b[0m" if self.color else name
            self.file.write(f"{name}{_GAP}{text}".rstrip() + "\n")


def _narrow(widths: Sequence[int], columns: Sequence[Column], room: int) -> list[int]:
    """Take cells from the widest columns until the line fits, or nothing more can be taken."""
    narrowed = list(widths)
    loose = [0 if column.keep else 1 for column in columns]
    for least in (
        [_READABLE * one for one in loose],
        [column.enough for column in columns],
        [_HINT * one for one in loose],
    ):
        excess = sum(narrowed) + len(_GAP) * (len(narrowed) - 1) - room
        _take(narrowed, least, excess)
    return narrowed


def _take(widths: list[int], least: Sequence[int], excess: int) -> None:
    """Take cells from the widest of those columns that have a least width, and more than that."""
    cuttable = [index for index, fewest in enumerate(least) if fewest]
    while excess > 0:
        wide = [index for index in cuttable if widths[index] > least[index]]
        if not wide:
            return
        widths[max(wide, key=widths.__getitem__)] -= 1
        excess -= 1


class Plain(Table):
    """The table without its header and lines."""

    header = False
