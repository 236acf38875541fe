"""Charts, as text by plotext and as files by matplotlib, which come with `atoll[plots]`."""

import io
import math
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from atoll import UsageError
from atoll.output import fit
from atoll.text import printable
from atoll_sessions.sweep.results import Chart

SUFFIXES = (".png", ".svg", ".pdf")
"""The file formats in which a chart can be saved."""
_COLOURS = (39, 208, 41, 197, 141, 220)
"""Colours of lines, of the 256 that terminals have; they differ clearly on a dark and on a light
background.
"""
_MARKS = "•o+*#@"
_MOST_TICKS = 8
_LONGEST_LABEL = 12
_INCHES = (8, 5)
_DOTS = 150
"""Pixels per inch of PNG files."""


def missing(library: str) -> UsageError:
    """Make the error for a library that is not installed."""
    return UsageError(f"this needs {library}", hint="pip install 'atoll[plots]'")


def as_text(chart: Chart, width: int, height: int, *, color: bool) -> str:
    """Draw a chart in cells of a terminal; raises UsageError without plotext.

    The lines differ by colour, or by mark if `color` is false.
    """
    try:
        import plotext
    except ImportError:
        raise missing("plotext") from None
    legend = _legend(chart, color=color)
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.theme("simple")
    figure.plot_size(width, max(8, height - len(legend)))
    for line, mark, colour in zip(chart.series, cycle(_MARKS), cycle(_COLOURS), strict=False):
        points = [(_place(chart, "x", x), _place(chart, "y", y)) for x, y in line.points]
        if color and line.is_line:
            _draw(plotext, points, "braille", colour, lines=True)
        _draw(plotext, points, mark, colour)
    _write_scales(figure, chart)
    text = figure.build().string(colorless=not color)
    figure.clear()
    return "\n".join([*(row.rstrip() for row in text.rstrip("\n").split("\n")), *legend, ""])


def _place(chart: Chart, axis: str, value: float) -> float:
    return math.log10(value) if axis in chart.log else value


def _draw(
    plotext: Any,
    points: Sequence[tuple[float, float]],
    mark: str,
    colour: int,
    *,
    lines: bool = False,
) -> None:
    xs, ys = zip(*points, strict=True)
    signal = plotext.figure.signal(list(xs), list(ys), marker=plotext.marker(mark, colour))
    plotext.figure.draw(signal.lines(lines))


def _write_scales(figure: Any, chart: Chart) -> None:
    figure.title(printable(chart.title))
    figure.label(printable(chart.x), "x")
    figure.label(printable(", ".join(chart.y)), "y")
    for axis, ticks in _ticks(chart).items():
        places = [_place(chart, axis, value) for value in ticks]
        labels = [fit(printable(label), _LONGEST_LABEL).strip() for label in ticks.values()]
        figure.ruler(axis).ticks(places, labels)


def _ticks(chart: Chart) -> dict[str, Mapping[float, str]]:
    """Return labels by value for the axes that plotext can't label itself."""
    found: dict[str, Mapping[float, str]] = {}
    if chart.names or len(chart.ticks) <= _MOST_TICKS:
        found["x"] = chart.ticks
    elif "x" in chart.log:
        found["x"] = _powers(list(chart.ticks))
    if "y" in chart.log:
        found["y"] = _powers([y for line in chart.series for _, y in line.points])
    return found


def _powers(values: Sequence[float]) -> dict[float, str]:
    """Return the labels of the least and the greatest value, and of the powers of ten between
    them.
    """
    least, greatest = min(values), max(values)
    exponents = range(math.ceil(math.log10(least)), math.floor(math.log10(greatest)) + 1)
    step = max(1, len(exponents) // _MOST_TICKS + 1)
    places = {least, greatest, *(10.0**exponent for exponent in exponents[::step])}
    return {place: f"{place:.3g}" for place in sorted(places)}


def _legend(chart: Chart, *, color: bool) -> list[str]:
    if len(chart.series) < 2:
        return []
    marks = zip(chart.series, cycle(_MARKS), cycle(_COLOURS), strict=False)
    return [
        f"  \x1b[38;5;{colour}m{mark}\x1b[0m {printable(line.label)}"
        if color
        else f"  {mark} {printable(line.label)}"
        for line, mark, colour in marks
    ]


def as_file(chart: Chart, suffix: str) -> bytes:
    """Draw a chart as a PNG, SVG or PDF file; raises UsageError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib") from None
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    for line in chart.series:
        xs, ys = zip(*line.points, strict=True)
        axes.plot(xs, ys, "o-" if line.is_line else "o", label=_plain(line.label))
    axes.set(title=_plain(chart.title), xlabel=_plain(chart.x), ylabel=_plain(", ".join(chart.y)))
    if "x" in chart.log:
        axes.set_xscale("log")
    if "y" in chart.log:
        axes.set_yscale("log")
    if chart.names:
        axes.set_xticks(list(chart.ticks), [_plain(one) for one in chart.ticks.values()])
    if len(chart.series) > 1:
        axes.legend()
    written = io.BytesIO()
    figure.savefig(written, format=suffix.removeprefix("."), dpi=_DOTS)
    return written.getvalue()


def _plain(text: str) -> str:
    """Escape a text so that matplotlib takes no part of it for a formula."""
    return printable(text).replace("$", r"\$")
