"""Colours for a light background; they replace those that can't be read there."""

from collections.abc import Callable, Hashable

from prompt_toolkit.styles import Attrs, StyleTransformation

_DARKER = {
    "ansired": "af0000",
    "ansibrightred": "d70000",
    "ansigreen": "008700",
    "ansibrightgreen": "008700",
    "ansiyellow": "875f00",
    "ansibrightyellow": "875f00",
    "ansibrightblue": "005fd7",
    "ansimagenta": "870087",
    "ansibrightmagenta": "af00af",
    "ansicyan": "005f87",
    "ansibrightcyan": "005f87",
    "ansibrightblack": "626262",
    "ansiwhite": "626262",
    "ansibrightwhite": "ansiblack",
    "888888": "626262",
    "ff8700": "af5f00",
    "ff87af": "d7005f",
    "af5fff": "8700ff",
}
"""Replacements from the 256 colours of terminals, with a contrast to white of at least 4.5."""


class LightColors(StyleTransformation):
    """Darkens text without a background of its own, while `is_light` is true."""

    def __init__(self, is_light: Callable[[], bool]) -> None:
        self._is_light = is_light

    def transform_attrs(self, attrs: Attrs) -> Attrs:
        """Return the attributes of a text."""
        if attrs.bgcolor or attrs.color not in _DARKER or not self._is_light():
            return attrs
        return attrs._replace(color=_DARKER[attrs.color])

    def invalidation_hash(self) -> Hashable:
        """Return a value that changes when attributes must be computed again."""
        return self._is_light()
