"""Parameter types that tell the prompt what to complete."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from atoll._records import Candidate


class Name(click.ParamType[str]):
    """The type of parameters that are names; the :class:`~atoll.Completion` of this `kind`
    completes them.

    The prompt itself completes the kinds `profile`, `format`, `command` and `line`: words of the
    last kind are those of another command, with its options and their values.

    For paths, `within` is the argument of the same command that names what they are in.
    """

    name = "text"

    def __init__(self, kind: str, *, within: str = "") -> None:
        self.kind = kind
        self.within = within

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text unchanged."""
        return str(value)


class Values(click.ParamType[str]):
    """A text that is completed by what is known here.

    `fitting` is called with what was typed of it, at each Tab and in a thread, and returns whole
    texts that this may become; it looks at what it knows and asks nobody. One that ends in a blank
    has to go on.
    """

    name = "text"

    def __init__(self, fitting: Callable[[str], Iterable[Candidate | str]]) -> None:
        self.fitting = fitting

    @classmethod
    def several(cls, values: Sequence[str], *, signs: str = "") -> "Values":
        """Return a type for some of these values by commas, before each of which one of the
        characters in `signs` may stand.
        """

        def fitting(typed: str) -> Iterable[str]:
            before, comma, last = typed.rpartition(",")
            sign = last[:1] if last and last[0] in signs else ""
            given = {one.strip(signs) for one in before.split(",")}
            return [f"{before}{comma}{sign}{one}" for one in values if one not in given]

        return cls(fitting)

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text as it is."""
        return str(value)
