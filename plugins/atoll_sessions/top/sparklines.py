"""Draws a short history as a line of small bars."""

import sys
from collections.abc import Iterable

_BARS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*#@"
"""The bars for terminals that can only show ASCII."""


def sparkline(figures: Iterable[float], width: int, most: float) -> str:
    """Return the last `width` values as bars; the highest bar means `most` or more."""
    bars = _BARS if _can_show_bars() else _ASCII
    shown = list(figures)[-width:]
    top = len(bars) - 1
    line = "".join(
        bars[min(top, max(0, round(figure / most * top)))] if most > 0 else bars[0]
        for figure in shown
    )
    return line.rjust(width)


def _can_show_bars() -> bool:
    encoding = getattr(sys.__stdout__, "encoding", None) or "ascii"
    return encoding.lower().startswith("utf")
