"""Conditions on the records that a command outputs, in the language of `--filter` (`status ==
"RUNNING"`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from atoll import UsageError
from atoll.reading import to_figure
from atoll.text import near_matches
from atoll_sessions.expressions import Comparison, Constant, Step, parse_filter
from atoll_sessions.fields import known_names

Record = Mapping[str, Any]
OWN_FIELDS = ("exit_code", "output")
"""Fields that exist for every command: its exit code, and the text that it wrote."""


@frozen
class Condition:
    """A condition that is true if it holds for at least one record of a result."""

    text: str
    _steps: Sequence[Step]

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Parse a condition; raises UsageError with the mistake's position."""
        return cls(text, parse_filter(text))

    @property
    def fields(self) -> set[str]:
        """The names of the fields that the condition uses."""
        return {step.field for step in self._steps if isinstance(step, Comparison)}

    def holds(self, records: Sequence[Record], code: int, text: str) -> bool:
        """Whether the condition holds for a record; each record also has the exit code and the
        whole output as fields.

        Raises UsageError for a field that the records do not have.
        """
        own = dict(zip(OWN_FIELDS, (code, text), strict=True))
        if records:
            self._check_fields({**own, **records[0]})
        return any(self._holds_for({**own, **one}) for one in records or [{}])

    def _check_fields(self, record: Record) -> None:
        for name in self.fields:
            if name not in record and known_names(name) not in record:
                hint = near_matches(name, list(record)) or f"there are {', '.join(record)}"
                raise UsageError(f"the records have no field {name!r}", hint=hint)

    def _holds_for(self, record: Record) -> bool:
        found: list[bool] = []
        for step in self._steps:
            if isinstance(step, Comparison):
                found.append(_compares(step, record))
            elif step == "!":
                found.append(not found.pop())
            else:
                last, first = found.pop(), found.pop()
                found.append(first and last if step == "&" else first or last)
        return found.pop()


def _compares(comparison: Comparison, record: Record) -> bool:
    name = comparison.field
    value = record.get(name, record.get(known_names(name)))
    return _OPERATORS[comparison.operator](value, comparison.value)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return any(_same(value, one) for one in wanted)
    if wanted is None or isinstance(wanted, bool):
        return value is wanted or (wanted is None and value == "")
    if isinstance(wanted, float):
        return to_figure(value) == wanted
    return value is not None and str(value) == wanted


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Any) -> bool:
        if isinstance(wanted, str):
            return value is not None and compare(str(value), wanted)
        figure = to_figure(value)
        return figure is not None and isinstance(wanted, float) and compare(figure, wanted)

    return holds


def _like(flags: re.RegexFlag) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Constant) -> bool:
        pattern = ".*".join(map(re.escape, str(wanted).split("%")))
        return value is not None and bool(re.fullmatch(pattern, str(value), flags | re.DOTALL))

    return holds


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return str(wanted) in value
    return isinstance(value, Sequence | Mapping) and wanted in value


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "is": _same,
    "in": _same,
    "!=": lambda value, wanted: not _same(value, wanted),
    "isnot": lambda value, wanted: not _same(value, wanted),
    "<": _ordered(lambda value, wanted: value < wanted),
    "<=": _ordered(lambda value, wanted: value <= wanted),
    ">": _ordered(lambda value, wanted: value > wanted),
    ">=": _ordered(lambda value, wanted: value >= wanted),
    "contains": _contains,
    "like": _like(re.NOFLAG),
    "ilike": _like(re.IGNORECASE),
}
