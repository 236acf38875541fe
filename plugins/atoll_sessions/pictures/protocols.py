"""Encodes PNG files for the graphics protocols of terminals."""

from base64 import b64encode

from atoll_sessions.pictures.png import Png
from atoll_sessions.pictures.space import PictureSpace

_PIECE = 4096
"""Characters of base64 in one escape sequence of kitty's protocol."""


def kitty(png: Png, space: PictureSpace) -> str:
    """Return the escape sequences that draw a picture in kitty, Ghostty and others with kitty's
    protocol.
    """
    text = b64encode(png.content).decode()
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    keys = [f"a=T,f=100,q=2,{_scaling(png, space)}"] + [""] * (len(pieces) - 1)
    more = ["m=1"] * (len(pieces) - 1) + ["m=0"]
    parts = zip(keys, more, pieces, strict=True)
    return "".join(f"\x1b_G{key}{m};{piece}\x1b\\" for key, m, piece in parts) + "\n"


def _scaling(png: Png, space: PictureSpace) -> str:
    """Return the side that a picture must be scaled to, if any. If kitty gets both sides, or a side
    that the picture has anyway, it stretches the picture to whole cells and changes its
    proportions.
    """
    if space.pixels(png.width, png.height) == (png.width, png.height):
        return ""
    if png.width * space.height > png.height * space.width:
        return f"c={space.columns},"
    return f"r={space.lines},"


def iterm2(png: Png, space: PictureSpace) -> str:
    """Return the escape sequence that draws a picture in iTerm2, WezTerm and others with iTerm2's
    protocol.
    """
    columns, lines = space.cells(png.width, png.height)
    about = f"inline=1;size={len(png.content)};width={columns};height={lines};preserveAspectRatio=1"
    return f"\x1b]1337;File={about}:{b64encode(png.content).decode()}\a\n"
