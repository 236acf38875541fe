"""Chooses the columns of a table and their widths, so that no line is wider than the screen.

If there is too little room, times become ages, empty columns are left out, ids are cut to the part
that identifies them, and values that all rows share are shown below the table. If that is not
enough, texts are cut, and the last columns are left out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from attrs import define, field

from atoll.output._columns import Column
from atoll.output._writer import shown_by

GAP = "  "
_READABLE, _HINT, _LEAST = 8, 6, 3
"""The cells to which a column is cut; the smaller values are used if the larger ones leave too
little room.
"""


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
    return text + "…" if width > 0 else ""


@define
class ShownColumn:
    """A column that is shown: its index among all columns, how its values are shown, and its
    width.
    """

    index: int
    column: Column
    show: Callable[[Any], str]
    texts: Sequence[str] = ()
    width: int = 0

    def spell(self, values: Sequence[Any], show: Callable[[Any], str], least: int) -> None:
        """Set the width to that of the column's values."""
        self.show = show
        self.texts = [shown_by(show, value) for value in values]
        self.width = max([least, *map(cells, self.texts)])

    @property
    def enough(self) -> int:
        """The width in cells that is sufficient."""
        return min(self.width, self.column.enough or self.width)


@define
class Layout:
    """The columns of a table that are shown, and those that are left out."""

    places: list[ShownColumn]
    gone: list[ShownColumn]
    common: list[ShownColumn] = field(factory=list)
    """Columns that are left out because their value is the same in all rows."""

    @classmethod
    def of(
        cls,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Any]],
        room: int | None,
        *,
        header: bool,
        whole: bool = False,
        least: Sequence[int] = (),
    ) -> Self:
        """Make the layout of these rows, which are the `whole` table or its beginning."""
        places = []
        for index, column in enumerate(columns):
            place = ShownColumn(index, column, column.show)
            title = cells(column.heading) if header else 0
            floor = max(title, least[index] if least else 0)
            place.spell([row[index] for row in rows], column.show, floor)
            places.append(place)
        layout = cls(places, [])
        if room and layout.excess(room) > 0:
            layout._shorten(rows, room, header=header, whole=whole)
        return layout

    def excess(self, room: int) -> int:
        """Return by how many cells a line is too wide."""
        return _total(place.width for place in self.places) - room

    def left_out(self) -> str:
        """Return a line about columns that are left out; empty if there are none."""
        same = [f"{one.column.heading} {one.texts[0]}" for one in self.common]
        hidden = [one.column.heading for one in self.gone]
        notes = [f"all: {', '.join(same)}"] if same else []
        return "; ".join([*notes, *([f"no room for {', '.join(hidden)}"] if hidden else [])])

    def _shorten(
        self, rows: Sequence[Sequence[Any]], room: int, *, header: bool, whole: bool
    ) -> None:
        for place in self.places:
            if place.column.brief:
                title = cells(place.column.heading) if header else 0
                place.spell([row[place.index] for row in rows], place.column.brief, title)
        if header and rows and whole:
            self._drop(lambda place: not any(place.texts), room, into=[])
        if header and len(rows) > 1 and whole:
            self._drop(lambda place: len(set(place.texts)) == 1, room, into=self.common)
        self._narrow(room)
        while len(self.places) > 1 and self.excess(room) > 0:
            self.gone.insert(0, self.places.pop())
            self._narrow(room)
        if self.excess(room) > 0:
            self.places[0].width = room

    def _drop(
        self, fits: Callable[[ShownColumn], bool], room: int, into: list[ShownColumn]
    ) -> None:
        """Leave out columns that are not essential, the widest first, until the rest fits."""
        for place in sorted(self.places, key=lambda one: one.width, reverse=True):
            if _total(one.enough for one in self.places) <= room:
                return
            if fits(place) and not place.column.keep:
                self.places.remove(place)
                into.append(place)

    def _narrow(self, room: int) -> None:
        """Make the widest columns narrower until the line fits, or none can be narrower."""
        for least in (
            lambda place: place.column.enough,
            lambda place: 0 if place.column.keep else _READABLE,
            lambda place: 0 if place.column.keep else _HINT,
            lambda _place: _LEAST,
        ):
            self._take(room, least)

    def _take(self, room: int, least: Callable[[ShownColumn], int]) -> None:
        """Make the widest column narrower, among those wider than their minimum."""
        while (excess := self.excess(room)) > 0:
            wide = [place for place in self.places if 0 < least(place) < place.width]
            if not wide:
                return
            widest = max(wide, key=lambda place: place.width)
            second = max((one.width for one in wide if one is not widest), default=0)
            step = max(1, widest.width - max(second, least(widest)))
            widest.width -= min(step, excess)


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + len(GAP) * max(0, len(found) - 1)
