"""Completes variables, and fields of records, after a `$`."""

from collections.abc import Iterator, Sequence
from textwrap import shorten

from atoll._records import Candidate
from atoll._shell.matching import matches
from atoll._variables import Values, Variables

_SHOWN = 40
"""The most characters of a value that are shown beside its name."""


def variables(known: Variables, typed: str) -> Sequence[Candidate]:
    """Return the variables that a typed text may become; environment variables are offered only
    after a first letter.
    """
    brace = "{" if typed.startswith("${") else ""
    name, dot, _ = typed.lstrip("${").partition(".")
    found = list(_fields(known, name) if dot else _names(known, with_environment=bool(name)))
    end = "}" if brace else ""
    spelled = [Candidate(f"${brace}{one.text}{end}", one.meta) for one in found]
    return matches(typed, spelled)


def _names(known: Variables, *, with_environment: bool) -> Iterator[Candidate]:
    for name, values in known.kept.items():
        yield Candidate(name, _shown(values))
    if with_environment:
        for name in sorted(known.environ.keys() - known.kept.keys()):
            # The value is not shown, since it may be a secret.
            yield Candidate(name, "environment")


def _fields(known: Variables, name: str) -> Iterator[Candidate]:
    values = known.kept.get(name)
    if values and values.are_records and len(values.items) == 1:
        for field in values.items[0].fields or ():
            yield Candidate(f"{name}.{field}")


def _shown(values: Values) -> str:
    if values.are_records and len(values.items) != 1:
        return f"{len(values.items)} records"
    return shorten(" ".join(one.text for one in values.items), _SHOWN)
