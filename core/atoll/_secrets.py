"""Secret values: which parameters hold them, and lines without them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

SHOWN = "***"
_KEY = "atoll.secrets"


class Secret(click.ParamType[Any]):
    """A type of parameters for values that nobody may see, such as passwords.

    Plugins and the history see `***` in place of the value. With `after`, only the text after the
    first such string is secret, as in `NAME=VALUE`. `of` is the type of the value, by default text.
    """

    name = "text"

    def __init__(self, *, after: str = "", of: Any = None) -> None:
        self.after = after
        self.of: click.ParamType[Any] = click.types.convert_type(of)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Record the text as a secret, and return its value."""
        if ctx is not None and isinstance(value, str):
            noted: list[_Noted] = ctx.meta.setdefault(_KEY, [])
            noted.append(_Noted(value, self._shown(value)))
        return self.of.convert(value, param, ctx)

    def _shown(self, value: str) -> str:
        before, found, _ = value.partition(self.after) if self.after else ("", "", value)
        if self.after and not found:
            return value
        return before + found + SHOWN


class _Noted(NamedTuple):
    text: str
    shown: str


def without_secrets(words: Sequence[str], context: click.Context) -> tuple[str, ...]:
    """Return the words of a line with `***` in place of its secrets."""
    noted: list[_Noted] = context.meta.get(_KEY, [])
    for text, shown in sorted(noted, key=lambda one: -len(one.text)):
        words = [_replaced(word, text, shown) for word in words]
    return tuple(words)


def _replaced(word: str, text: str, shown: str) -> str:
    """Replace a secret that is the whole word, or follows the option in it: `-kTEXT`,
    `--k=TEXT`.
    """
    if text and (word == text or (word.startswith("-") and word.endswith(text))):
        return word.removesuffix(text) + shown
    return word
