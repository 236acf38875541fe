"""Computes how much of a terminal a picture takes."""

from math import ceil

from attrs import frozen

USUAL_CELL = (8, 16)
"""The width and height of a cell in pixels, if the terminal does not tell them."""

_MOST_LINES = 40
"""The most lines that a picture of half blocks takes on a large screen."""


@frozen
class PictureSpace:
    """The space for a picture in a terminal: `columns` and `lines` of cells, and the size of a cell
    in pixels.
    """

    columns: int
    lines: int
    cell_width: int = USUAL_CELL[0]
    cell_height: int = USUAL_CELL[1]

    @property
    def of_half_blocks(self) -> "PictureSpace":
        """The space for a picture of half blocks, with two pixels in each cell, one above the
        other. Such a picture needs many cells to be recognizable.
        """
        return PictureSpace(self.columns, min(self.lines, _MOST_LINES), 1, 2)

    @property
    def width(self) -> int:
        """The width in pixels."""
        return self.columns * self.cell_width

    @property
    def height(self) -> int:
        """The height in pixels."""
        return self.lines * self.cell_height

    def pixels(self, width: int, height: int) -> tuple[int, int]:
        """Return the size in pixels at which a picture is drawn: its own, or scaled down to fit, in
        its proportions.
        """
        scale = min(1.0, self.width / width, self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def cells(self, width: int, height: int) -> tuple[int, int]:
        """Return how many columns and lines a picture takes."""
        across, down = self.pixels(width, height)
        columns, lines = ceil(across / self.cell_width), ceil(down / self.cell_height)
        return min(columns, self.columns), min(lines, self.lines)
