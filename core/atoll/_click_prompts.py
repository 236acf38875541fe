"""Handles click's own prompts and prints while a line is parsed, or in a callback that blocks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from io import StringIO
from typing import Protocol, TypeVar

import click.termui

from atoll._errors import UsageError
from atoll._streams import current_source, printed
from atoll._terminal import Source

T = TypeVar("T")


class Reader(Protocol):
    """Reads answers for code that blocks."""

    def read(self, *, hidden: bool) -> str | None:
        """Return the next line of the command's input; None at its end."""


current_reader: ContextVar[Reader | None] = ContextVar("current_reader", default=None)
"""Reads the answers to click's prompts; None where waiting would block the event loop."""


class Printed(StringIO):
    """Text that was printed while a line was parsed."""

    def take(self) -> str:
        """Return the text and clear it."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@contextmanager
def collecting_prints() -> Iterator[Printed]:
    """Collect what is printed in the block. It is shown before the next prompt and at the end,
    unless `take` has returned it.
    """
    collected = Printed()
    token = printed.set(collected)
    try:
        yield collected
    finally:
        printed.reset(token)
        sys.stderr.write(collected.take())


def before_loop(function: Callable[..., T], *arguments: object) -> T:
    """Call a function, which may use click's prompts, before an event loop runs."""
    token = current_reader.set(_BeforeLoop())
    try:
        return function(*arguments)
    finally:
        current_reader.reset(token)


class _BeforeLoop:
    def read(self, *, hidden: bool) -> str | None:
        import trio

        source = current_source.get() or Source()
        return trio.run(partial(source.line, hidden=hidden))


def _ask(text: str, *, hidden: bool = False) -> str:
    """Replace click's `input` and `getpass`: ask on standard error, read the command's input."""
    reader, collected = current_reader.get(), printed.get()
    if reader is None:
        raise RuntimeError(
            "click can't ask in an async callback: await context.ask(), or .confirm()"
        )
    if isinstance(collected, Printed):
        text = collected.take() + text
    sys.stderr.write(text)
    sys.stderr.flush()
    answer = reader.read(hidden=hidden)
    if answer is None:
        raise UsageError(f"this needs an answer: {text.strip().rstrip(':')}")
    return answer


click.termui.visible_prompt_func = _ask
click.termui.hidden_prompt_func = partial(_ask, hidden=True)
