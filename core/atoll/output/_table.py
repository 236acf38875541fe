"""The formats for people: a table, and the same without header and rule."""

import textwrap
from collections.abc import Sequence
from typing import Any

from atoll.output._layout import GAP, Layout, ShownColumn, cells, fit
from atoll.output._writer import Writer, shown_by

SAMPLE = 200
"""The number of rows from which the widths are computed."""


def _pad(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


class Table(Writer):
    """A header, a rule and a line for each record; one record alone is shown with a line for each
    field.
    """

    header = True
    for_people = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._held: list[Sequence[Any]] | None = []
        self._layout = Layout([], [])

    def live(self) -> None:
        """Write the header now; columns get the widths of their titles, or their own `width`."""
        # Here later rows can't change the widths, so longer values are not cut to them.
        self.width = None
        self._held = None
        least = [column.width for column in self.columns]
        self._begin_rows(Layout.of(self.columns, [], None, header=self.header, least=least))

    def row(self, values: Sequence[Any]) -> None:
        """Hold the first rows until the widths are known, then write each at once."""
        if self._held is None:
            self._write(values)
            return
        self._held.append(values)
        if len(self._held) >= SAMPLE:
            self._release(whole=False)

    def end(self) -> None:
        """Write a table that was shorter than the sample, and the line about columns that are left
        out.
        """
        if self._held is not None:
            self._release(whole=True)
        if note := self._layout.left_out():
            for line in textwrap.wrap(note, self.width or len(note)):
                self.file.write(line + "\n")

    def _release(self, *, whole: bool) -> None:
        held, self._held = self._held or [], None
        if self.single:
            for values in held:
                self._write_fields(self.shown(values))
            return
        self._begin_rows(Layout.of(self.columns, held, self.width, header=self.header, whole=whole))
        for values in held:
            self._write(values)

    def _begin_rows(self, layout: Layout) -> None:
        self._layout = layout
        if self.header:
            self._write_header()

    def _write_header(self) -> None:
        line = self._line([place.column.heading for place in self._layout.places])
        self.file.write(f"\x1b[1m{line}\x1b[0m\n" if self.color else line + "\n")
        self.file.write(GAP.join("-" * place.width for place in self._layout.places) + "\n")

    def _write(self, values: Sequence[Any]) -> None:
        places = self._layout.places
        line = self._line([shown_by(place.show, values[place.index]) for place in places])
        self.file.write(line + "\n")

    def _line(self, texts: Sequence[str]) -> str:
        padded = [
            _pad(
                fit(text, place.width) if self.width else text,
                place.width,
                right=place.column.right,
            )
            for text, place in zip(texts, self._layout.places, strict=True)
        ]
        return GAP.join(padded).rstrip()

    def _fitted(self, text: str, place: ShownColumn) -> str:
        return fit(text, place.width) if self.width else text

    def _write_fields(self, shown: Sequence[str]) -> None:
        titles = [column.heading for column in self.columns]
        width = max(map(cells, titles), default=0)
        for title, text in zip(titles, shown, strict=True):
            name = _pad(title, width, right=False)
            name = f"\x1b[1m{name}\x1b[0m" if self.color else name
            self.file.write(f"{name}{GAP}{text}".rstrip() + "\n")


class Plain(Table):
    """The table without header and rule."""

    header = False
    for_people = False
