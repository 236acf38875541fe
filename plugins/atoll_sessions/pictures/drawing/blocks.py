"""Half blocks: two pixels in each cell, for terminals that can only draw text."""

from typing import Any

from PIL import Image

_LEVELS = (0, 95, 135, 175, 215, 255)
"""The steps of the colour cube of terminals with 256 colours."""
Pixel = tuple[int, int, int]


def half_blocks(image: Image.Image, *, all_colours: bool) -> str:
    """Return lines of half blocks: the character's colour is the upper pixel, its background the
    lower one. Without `all_colours`, each colour is replaced by the nearest of 256.
    """
    pixels: Any = image.load()
    lines = []
    for y in range(0, image.height - 1, 2):
        cells = [(pixels[x, y], pixels[x, y + 1]) for x in range(image.width)]
        lines.append(_line(cells, all_colours))
    return "".join(lines)


def _line(cells: list[tuple[Pixel, Pixel]], all_colours: bool) -> str:
    parts, before = [], ("", "")
    for upper, lower in cells:
        colours = _colour(upper, all_colours), _colour(lower, all_colours)
        changes = [
            f"{place}8;{colour}"
            for place, colour, last in zip("34", colours, before, strict=True)
            if colour != last
        ]
        parts.append(f"\x1b[{';'.join(changes)}m▀" if changes else "▀")
        before = colours
    return f"{''.join(parts)}\x1b[0m\n"


def _colour(pixel: Pixel, all_colours: bool) -> str:
    if all_colours:
        return "2;{};{};{}".format(*pixel)
    red, green, blue = (min(range(6), key=lambda n: abs(_LEVELS[n] - value)) for value in pixel)
    return f"5;{16 + 36 * red + 6 * green + blue}"
