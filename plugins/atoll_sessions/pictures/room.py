"""How much of a terminal a picture takes."""

from math import ceil

from attrs import frozen

USUAL_CELL = (8, 16)
"""Pixels across and down of a cell, where the terminal does not tell."""

_MOST_LINES = 40
"""Lines of a picture in half blocks, on a large screen."""


@frozen
class Room:
    """What a terminal has for a picture: `columns` and `lines` of cells, and the size in pixels of
    each cell.
    """

    columns: int
    lines: int
    cell_width: int = USUAL_CELL[0]
    cell_height: int = USUAL_CELL[1]

    @property
    def of_half_blocks(self) -> "Room":
        """The room for a picture of two pixels a cell, one above the other: such a picture needs
        many cells to be made out.
        """
        return Room(self.columns, min(self.lines, _MOST_LINES), 1, 2)

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.columns * self.cell_width

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.lines * self.cell_height

    def pixels(self, width: int, height: int) -> tuple[int, int]:
        """Return the size in pixels that a picture is drawn in: its own, or as much of it as there
        is room for, in its proportions.
        """
        scale = min(1.0, self.width / width, self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def cells(self, width: int, height: int) -> tuple[int, int]:
        """Return how many columns and lines a picture takes."""
        across, down = self.pixels(width, height)
        columns, lines = ceil(across / self.cell_width), ceil(down / self.cell_height)
        return min(columns, self.columns), min(lines, self.lines)
