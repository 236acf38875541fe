"""Parameter types that tell the prompt what to complete."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from atoll._records import Candidate


class Name(click.ParamType[str]):
    """The type of parameters that are names; the :class:`~atoll.Completion` of this `kind`
    completes them.

    The prompt itself completes the kinds `profile`, `format`, `command` and `line`; `line` is a
    whole command with its options and their values.

    For paths, `within` is the argument of the same command that names the thing which contains
    them.
    """

    name = "text"

    def __init__(self, kind: str, *, within: str = "") -> None:
        self.kind = kind
        self.within = within

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text unchanged."""
        return str(value)


class Values(click.ParamType[str]):
    """A text that is completed from values that are known here.

    `fitting` is called with the typed part of it, at each Tab and in a thread. It returns whole
    texts that the typed part may become, without any request. A returned text that ends in a blank
    is not complete yet.
    """

    name = "text"

    def __init__(self, fitting: Callable[[str], Iterable[Candidate | str]]) -> None:
        self.fitting = fitting

    @classmethod
    def several(cls, values: Sequence[str], *, signs: str = "") -> "Values":
        """Return a type for several of these values, separated by commas. Before each, one of the
        characters in `signs` may stand.
        """

        def fitting(typed: str) -> Iterable[str]:
            before, comma, last = typed.rpartition(",")
            sign = last[:1] if last and last[0] in signs else ""
            given = {one.strip(signs) for one in before.split(",")}
            return [f"{before}{comma}{sign}{one}" for one in values if one not in given]

        return cls(fitting)

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text unchanged."""
        return str(value)
