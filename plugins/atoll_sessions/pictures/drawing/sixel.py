"""Sixels: the picture is drawn in bands of six rows, and each band one colour after the other."""

import re
from functools import cache

from PIL import Image

_COLOURS = 256
_ROWS = 6
_REPEATED = re.compile(rb"(.)\1{3,255}", re.DOTALL)
_DRAWN = bytes(63 + bits if bits < 64 else 63 for bits in range(256))
"""Maps six pixels of a column, one bit each, to the character that draws them."""


def sixels(image: Image.Image) -> bytes:
    """Return the escape sequence that draws a picture in terminals with sixel graphics."""
    small = image.quantize(_COLOURS)
    palette = small.getpalette() or []
    width, height = small.size
    defined = b"".join(
        b"#%d;2;%d;%d;%d" % (number, *(round(one / 2.55) for one in palette[at : at + 3]))
        for number, at in enumerate(range(0, len(palette), 3))
    )
    pixels = small.tobytes()
    rows = [pixels[at : at + width] for at in range(0, len(pixels), width)]
    bands = [_band(rows[at : at + _ROWS]) for at in range(0, height, _ROWS)]
    return b'\x1bP0;1q"1;1;%d;%d%s%s\x1b\\\n' % (width, height, defined, b"-".join(bands))


def _band(rows: list[bytes]) -> bytes:
    """Draw six rows: the pixels of each colour, every colour from the left edge again."""
    return b"$".join(b"#%d%s" % (colour, _ones(rows, colour)) for colour in {*b"".join(rows)})


def _ones(rows: list[bytes], colour: int) -> bytes:
    """Draw the pixels of one colour. All columns are added up in one step, as one large number."""
    bits = 0
    for place, row in enumerate(rows):
        bits |= int.from_bytes(row.translate(_chosen(colour, place)))
    drawn = bits.to_bytes(len(rows[0])).translate(_DRAWN).rstrip(b"?")
    return _REPEATED.sub(lambda run: b"!%d%s" % (len(run.group()), run.group(1)), drawn)


@cache
def _chosen(colour: int, place: int) -> bytes:
    """Return the table that maps one colour to a bit, and all other colours to 0."""
    return bytes(colour) + bytes([1 << place]) + bytes(255 - colour)
