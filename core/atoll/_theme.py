"""Finds out whether the terminal is light or dark: from the setting, the terminal's answer, or the
environment.
"""

import re
from collections.abc import Mapping

from attrs import define

QUESTION = "\x1b]11;?\x1b\\"
"""The escape sequence that asks a terminal for the colour of its background."""
_CHANNELS = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})")
_WEIGHTS = (0.2126, 0.7152, 0.0722)
"""The weights of red, green and blue in the brightness of a colour."""
_LIGHT_NUMBERS = {"7", *map(str, range(9, 16))}
_TERMS_WITHOUT_ANSWER = {"", "dumb", "linux"}
"""Values of TERM for terminals that do not answer, or would write the question on the screen."""


@define
class Background:
    """The background of the terminal of this process, as far as it is known."""

    _is_light: bool | None = None
    was_asked: bool = False

    def learn(self, answer: str) -> None:
        """Store the terminal's answer, such as `rgb:ffff/ffff/ffff`."""
        if found := _CHANNELS.match(answer):
            parts = [int(one, 16) / (16 ** len(one) - 1) for one in found.groups()]
            weighed = sum(w * part for w, part in zip(_WEIGHTS, parts, strict=True))
            self._is_light = weighed > 1 / 2

    def is_light(self, theme: str, environ: Mapping[str, str]) -> bool:
        """Return whether colours must be readable on a light background; `theme` is the setting."""
        if theme != "auto":
            return theme == "light"
        if self._is_light is not None:
            return self._is_light
        # The variable contains numbers of colours: "0;15" is black on white.
        return environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT_NUMBERS

    def should_ask(self, theme: str, environ: Mapping[str, str]) -> bool:
        """Whether the terminal must still be asked."""
        if theme != "auto" or self.was_asked or "NO_COLOR" in environ:
            return False
        return environ.get("TERM", "") not in _TERMS_WITHOUT_ANSWER


background = Background()
"""The background of this process's terminal."""
