"""Values that the cases of a sweep print; of each name, the last value counts.

A value is found by a pattern of `--metric`, else in a line that is a JSON object, else in a line
that contains `name=value` or `name: value`.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from attrs import define, field, frozen

_MOST_BYTES = 64 << 20
"""How many bytes are read from the end of a case's output."""
_LONGEST_LINE = 1 << 16
_NAMED = re.compile(r"(?:\\.|[^\w\\(])*([^\W\d]\w*)[^(]*\(")
"""The first word of a pattern, which names its value; escaped characters are not part of a word."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?|[-+]?(?:inf|nan)\b"
_AROUND = "\"',;:)]}%"


@frozen
class Metric:
    """A pattern, and the names of the values that its groups capture: those of its named groups;
    without any, its first group is named after the first word of the pattern.
    """

    pattern: re.Pattern[str]
    names: tuple[str, ...]

    def found_in(self, line: str) -> Iterator[tuple[str, str]]:
        """Yield the names and the values in a line."""
        for match in self.pattern.finditer(line):
            groups = match.groupdict() or {self.names[0]: match.group(1)}
            yield from ((name, value) for name, value in groups.items() if value is not None)


class MetricType(click.ParamType[Metric]):
    """A pattern of `--metric`, parsed together with the command line."""

    name = "pattern"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Metric:
        """Return the metric."""
        try:
            pattern = re.compile(value)
        except re.error as error:
            self.fail(f"{value!r} is not a regular expression: {error}", param, ctx)
        if pattern.groupindex:
            return Metric(pattern, tuple(pattern.groupindex))
        if not pattern.groups:
            self.fail(f"{value!r} has no group: write the value as in 'loss=(\\S+)'", param, ctx)
        if not (named := _NAMED.match(value)):
            self.fail(f"{value!r} names no value: write (?P<loss>…) for its group", param, ctx)
        return Metric(pattern, (named.group(1),))


@define
class Reader:
    """Reads the values of some names from the output of cases; if `names` is empty, the values of
    all names in JSON objects.
    """

    metrics: Sequence[Metric]
    names: Sequence[str] = ()
    _plain: Mapping[str, re.Pattern[str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Compile patterns for the names that no metric captures."""
        given = {name for metric in self.metrics for name in metric.names}
        self._plain = {
            name: re.compile(rf"(?<![\w.-]){re.escape(name)}[\"']?\s*[=:]\s*({_NUMBER})")
            for name in self.names
            if name not in given
        }

    def read(self, path: Path) -> dict[str, str]:
        """Return the last value of each name in a file; the file may be missing."""
        values: dict[str, str] = {}
        for line in _lines(path):
            values |= self._in_line(line)
        return values

    def _in_line(self, line: str) -> dict[str, str]:
        found = dict(pair for metric in self.metrics for pair in metric.found_in(line))
        if not self._plain and self.metrics:
            return found
        document = _document(line)
        if document is not None:
            wanted = self._plain or document
            return {name: document[name] for name in wanted if name in document} | found
        pairs = ((name, pattern.findall(line)) for name, pattern in self._plain.items())
        return {name: values[-1] for name, values in pairs if values} | found


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file; of a very long file, those at its end."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _MOST_BYTES))
        while line := file.readline(_LONGEST_LINE):
            yield line.decode("utf-8", "replace")


def _document(line: str) -> dict[str, str] | None:
    """Return the numbers and texts of a line that is a JSON object; None for any other line."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in document.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def number(text: str | None) -> float | None:
    """Return a value as a number, None if it is not one; a comma after it is ignored."""
    try:
        value = float((text or "").strip().strip(_AROUND).replace("_", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def seen_names(results: Iterable[Mapping[str, str]]) -> list[str]:
    """Return all names that occur, each once."""
    return list(dict.fromkeys(name for values in results for name in values))
