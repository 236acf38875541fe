"""Colours for a light background, in place of those that can't be read there."""

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
"""Those of the 256 that terminals have, with a contrast to white of 4.5 at least."""


class LightColors(StyleTransformation):
    """Darkens what is written on the background itself, while `is_light` says so."""

    def __init__(self, is_light: Callable[[], bool]) -> None:
        self._is_light = is_light

    def transform_attrs(self, attrs: Attrs) -> Attrs:
        """Return the looks of a text."""
        if attrs.bgcolor or attrs.color not in _DARKER or not self._is_light():
            return attrs
        return attrs._replace(color=_DARKER[attrs.color])

    def invalidation_hash(self) -> Hashable:
        """Return what changes when looks have to be found anew."""
        return self._is_light()
