"""Parameter types that tell the prompt what to complete."""

from typing import Any

import click


class Name(click.ParamType[str]):
    """The name of something; `kind` is the :class:`~atoll.Completion` that knows them.

    The prompt itself knows the kinds `profile`, `format` and `command`. `within` is the argument of
    the same command that says in what a path lies.
    """

    name = "text"

    def __init__(self, kind: str, *, within: str = "") -> None:
        self.kind = kind
        self.within = within

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text as it is."""
        return str(value)
