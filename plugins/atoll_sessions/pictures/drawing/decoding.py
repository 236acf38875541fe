"""Decodes pictures of all formats but SVG, by Pillow."""

import io
import struct
import zlib

from PIL import Image, UnidentifiedImageError

from atoll_sessions.pictures.media import Broken
from atoll_sessions.pictures.png import check_size

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_WRONG = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, KeyError, TypeError)
"""The exceptions that Pillow raises for broken files."""
Image.MAX_IMAGE_PIXELS = None  # check_size limits the size itself, before anything is decoded


def opened(content: bytes) -> Image.Image:
    """Open a picture and decode only its header; raises Broken."""
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError:
        raise Broken("it is not a picture, or it is damaged") from None
    except _WRONG as error:
        raise Broken(f"it is damaged ({error})") from None
    check_size(*image.size)
    return image


def scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Decode a picture and scale it; transparent parts become white. Raises Broken."""
    try:
        image.draft("RGB", size)
        image = image.convert("RGBA")
    except _WRONG as error:
        raise Broken(f"it is damaged ({error})") from None
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def as_png(image: Image.Image) -> bytes:
    """Write a picture as PNG."""
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()
