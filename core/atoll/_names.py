"""Parameter types that tell the prompt what to complete."""

from typing import Any

import click


class Name(click.ParamType[str]):
    """The type of parameters that are names; the :class:`~atoll.Completion` of this `kind`
    completes them.

    The prompt itself completes the kinds `profile`, `format` and `command`. For paths, `within` is
    the argument of the same command that names what they are in.
    """

    name = "text"

    def __init__(self, kind: str, *, within: str = "") -> None:
        self.kind = kind
        self.within = within

    def convert(self, value: Any, _param: Any, _ctx: Any) -> str:
        """Return the text unchanged."""
        return str(value)
