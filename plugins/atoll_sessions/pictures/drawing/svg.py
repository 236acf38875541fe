"""Draws SVG pictures, without anything that they refer to elsewhere."""

import re
from xml.etree import ElementTree as ET

from atoll_sessions.pictures.drawing import LEFT_OUT, NO_FONT
from atoll_sessions.pictures.media import Broken
from atoll_sessions.pictures.space import PictureSpace

_ENTITIES = re.compile(rb"<!ENTITY|<!DOCTYPE[^>]*\[", re.IGNORECASE)
_INSIDE = re.compile(r"#|data:image/(png|jpeg|gif|webp)[;,]")
_LENGTH = re.compile(r"\s*([0-9.]+(?:e[+-]?\d+)?)\s*(px|pt|pc|mm|cm|in)?\s*", re.IGNORECASE)
_INCH = 96.0
_PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": _INCH / 72,
    "pc": _INCH / 6,
    "mm": _INCH / 25.4,
    "cm": _INCH / 2.54,
    "in": _INCH,
}
_LETTER = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="18">M</text></svg>'
)
"""A picture of one letter, to test whether a font can be found."""
_NO_LETTER = _LETTER.replace("M", "")
_USUAL = (300.0, 150.0)
"""The size of a picture that specifies none."""


def draw_svg(content: bytes, space: PictureSpace) -> tuple[bytes, str]:
    """Draw a picture as PNG, no larger than the space. Returns the PNG, and what is missing from
    it: LEFT_OUT, NO_FONT or "". Raises Broken, or ImportError if the library is missing.
    """
    import resvg_py

    from atoll_sessions.pictures.drawing.fonts import fonts

    root, left_out = _parsed(content)
    size = _size(root)
    root.attrib |= {"width": str(size[0]), "height": str(size[1])}
    width, height = space.pixels(*size)
    text, missing = ET.tostring(root, encoding="unicode"), LEFT_OUT if left_out else ""
    has_text = any(element.tag.rpartition("}")[2] == "text" for element in root.iter())
    options = fonts() if has_text else {}
    try:
        drawn: bytes = resvg_py.svg_to_bytes(svg_string=text, width=width, height=height, **options)
        letter = resvg_py.svg_to_bytes(svg_string=_LETTER, **options) if has_text else b""
    except (ValueError, RuntimeError) as error:
        raise Broken(str(error)) from None
    if letter == resvg_py.svg_to_bytes(svg_string=_NO_LETTER, skip_system_fonts=True):
        missing = missing or NO_FONT
    return drawn, missing


def _parsed(content: bytes) -> tuple[ET.Element, bool]:
    """Parse a picture, and remove references to files and addresses; returns also whether there
    were any.
    """
    if _ENTITIES.search(content):
        raise Broken("it defines entities, which can be endless")
    try:
        root = ET.fromstring(content)  # noqa: S314  # without entities, and in a bounded process
    except (ET.ParseError, ValueError, LookupError) as error:
        raise Broken(f"it is not XML: {error}") from None
    left_out = False
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name.rpartition("}")[2] == "href" and not _INSIDE.match(value.strip()):
                del element.attrib[name]
                left_out |= not element.tag.endswith("}a")
    return root, left_out


def _size(root: ET.Element) -> tuple[int, int]:
    """Return the size in pixels that a picture specifies."""
    box = [_number(part) for part in root.get("viewBox", "").replace(",", " ").split()]
    usual = (box[2], box[3]) if len(box) == 4 else _USUAL
    given = [_number(root.get(name, "")) for name in ("width", "height")]
    sides = [max(1.0, min(one or other, 1e6)) for one, other in zip(given, usual, strict=True)]
    return round(sides[0]), round(sides[1])


def _number(text: str) -> float:
    found = _LENGTH.fullmatch(text)
    try:
        return float(found.group(1)) * _PIXELS[(found.group(2) or "").lower()] if found else 0.0
    except ValueError:
        return 0.0
