"""Range expressions: `X=case:a,b`, `X=linspace:0,1,5`, `X=range:1,6,2`, and their combinations.

Each value is computed only when it is needed: a range of 10^9 values costs no more than one of
three.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Literal, Protocol

from attrs import field, frozen

from atoll import UsageError

Place = Literal["exec", "env", "build"]
"""The texts in which a variable is replaced: `--exec` and `-c`, the values of `-e`, or
`--build`.
"""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST_EXPONENT = 300


class Values(Protocol):
    """The values of one range, by index from 0."""

    @property
    def count(self) -> int:
        """The number of values."""

    def at(self, index: int) -> str:
        """Return one value as text, as it is put into commands."""


@frozen
class Listed:
    """Values that were listed one by one."""

    texts: Sequence[str]

    @property
    def count(self) -> int:
        """The number of values."""
        return len(self.texts)

    def at(self, index: int) -> str:
        """Return one value as it was typed."""
        return self.texts[index]


@frozen
class Stepped:
    """Numbers at equal distances.

    They are computed as fractions and rounded once, so that the tenth of ten steps of 0.1 is 1.
    """

    start: Fraction
    step: Fraction
    count: int

    def at(self, index: int) -> str:
        """Return one value as text; whole numbers have no decimal point."""
        value = self.start + index * self.step
        return str(value) if value.denominator == 1 else repr(float(value))


@frozen
class Range:
    """A variable, where it is used, and its values."""

    place: Place
    text: str
    variable: str = field(eq=False)
    values: Values = field(eq=False)


def parse_range(place: Place, text: str) -> Range:
    """Parse `VARIABLE=KIND:…`; raises UsageError."""
    variable, equals, expression = text.partition("=")
    kind, colon, arguments = expression.partition(":")
    if not equals or not colon:
        raise UsageError(f"{text}: not of the form X=case:…, X=linspace:… or X=range:…")
    if not _VARIABLE.fullmatch(variable):
        raise UsageError(f"{text}: {variable!r} is not a valid variable name")
    if kind not in _KINDS:
        raise UsageError(f"{text}: {kind!r} is not one of case, linspace, range")
    try:
        return Range(place, text, variable, _KINDS[kind](arguments))
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None


_ESCAPABLE = {"": ",'\"\\", "'": "", '"': '"\\'}
"""The characters that a backslash escapes, outside of quotes and within each kind of quotes."""


def _cases(text: str) -> Values:
    if not text:
        raise ValueError("there is no case")
    return Listed(_split(text))


def _split(text: str) -> list[str]:
    """Split a text at its commas, except those in quotes or after a backslash.

    Within single quotes all characters are literal. Within double quotes all are literal but a
    backslash before `"` or another backslash. Outside of quotes a backslash escapes a comma, a
    quote or another backslash; before any other character it is literal. Raises ValueError for a
    quote that is not closed.
    """
    values, quote, at = [""], "", 0
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == "\\" and following and following in _ESCAPABLE[quote]:
            values[-1] += following
            at += 1
        elif char == quote or (char in "'\"" and not quote and not values[-1]):
            quote = "" if quote else char
        elif char == "," and not quote:
            values.append("")
        else:
            values[-1] += char
        at += 1
    if quote:
        raise ValueError(f"the quote {quote} is not closed")
    return values


def _linspace(text: str) -> Values:
    start, stop, points = _numbers(text, "START,STOP,POINTS")
    if points.denominator != 1 or points < 1:
        raise ValueError("POINTS is a whole number above zero")
    step = (stop - start) / (points - 1) if points > 1 else Fraction(0)
    return Stepped(start, step, int(points))


def _range(text: str) -> Values:
    start, stop, step = _numbers(text, "START,STOP,STEP")
    if not step:
        raise ValueError("the step is zero")
    count = math.ceil((stop - start) / step)
    if count < 1:
        raise ValueError("there is no value between these bounds")
    return Stepped(start, step, count)


_KINDS: Mapping[str, Callable[[str], Values]] = {
    "case": _cases,
    "linspace": _linspace,
    "range": _range,
}


def _numbers(text: str, form: str) -> tuple[Fraction, Fraction, Fraction]:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise ValueError(f"three numbers are needed: {form}")
    first, second, third = map(_number, parts)
    return first, second, third


def _number(text: str) -> Fraction:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    # A fraction stores all digits: 1e-999999999 would need all memory of the machine.
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is out of bounds")
    return Fraction(number)


@frozen
class Grid:
    """All combinations of the values of some ranges; the last range varies fastest."""

    ranges: tuple[Range, ...]

    @property
    def count(self) -> int:
        """How many combinations there are."""
        return math.prod(one.values.count for one in self.ranges)

    @property
    def variables(self) -> list[str]:
        """The names of the variables, in the order of the ranges."""
        return [one.variable for one in self.ranges]

    def at(self, index: int) -> dict[str, str]:
        """Return the combination with an index from 0: a value for each variable."""
        values = {}
        for one in reversed(self.ranges):
            index, place = divmod(index, one.values.count)
            values[one.variable] = one.values.at(place)
        return {variable: values[variable] for variable in self.variables}


def make_grid(ranges: Sequence[Range]) -> Grid:
    """Combine ranges; raises UsageError if two ranges have the same variable."""
    names = [one.variable for one in ranges]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"the variable {twice[0]} has more than one range")
    return Grid(tuple(ranges))
