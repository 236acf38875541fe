"""The colors that a profile may have in the prompt."""

import re

from atoll._errors import ConfigError
from atoll._target import Target
from atoll.text import near_matches

_NAMED = {
    "black": "ansiblack",
    "red": "ansired",
    "green": "ansigreen",
    "yellow": "ansiyellow",
    "blue": "ansiblue",
    "magenta": "ansimagenta",
    "cyan": "ansicyan",
    "white": "ansiwhite",
    "gray": "ansibrightblack",
    "grey": "ansibrightblack",
    "brightred": "ansibrightred",
    "brightgreen": "ansibrightgreen",
    "brightyellow": "ansibrightyellow",
    "brightblue": "ansibrightblue",
    "brightmagenta": "ansibrightmagenta",
    "brightcyan": "ansibrightcyan",
    "orange": "#ff8700",
    "pink": "#ff87af",
    "purple": "#af5fff",
}
"""prompt_toolkit's names for the terminal's own colors, and codes for some colors that it has no
name for.
"""
COLORS = list(_NAMED)
_MIXED = re.compile(r"#[0-9a-f]{6}")


def color_of(text: str) -> str:
    """Return prompt_toolkit's name of a color; raises ConfigError if the text is not a color.

    A color is one of :data:`COLORS`, or a mixture such as `#ff8800`.
    """
    name = text.strip().lower()
    if name in _NAMED:
        return _NAMED[name]
    if _MIXED.fullmatch(name):
        return name
    hint = near_matches(name, COLORS)
    if name.startswith("#"):
        hint = "such as '#ff8800', in quotes, since # begins a comment"
    raise ConfigError(
        f"{text!r} is not a color", hint=hint or f"one of {', '.join(COLORS)}, '#ff8800'"
    )


def color_problem(target: Target) -> str:
    """Return what is wrong with the color of the profile in use; empty if nothing is."""
    profile = target.made.profile if target.made else None
    if profile is None or not profile.color:
        return ""
    try:
        color_of(profile.color)
    except ConfigError as error:
        return f"profile {profile.name}: {error}"
    return ""
