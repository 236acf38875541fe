"""What click asks and prints by itself while a line is understood, or in a callback that blocks."""

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
    """Reads an answer for code that stands still until it has one."""

    def read(self, *, hidden: bool) -> str | None:
        """Return the next line of what the command reads, or None at the end of that."""


current_reader: ContextVar[Reader | None] = ContextVar("current_reader", default=None)
"""Who reads the answers to click's questions; None where waiting would stop everything else."""


class Said(StringIO):
    """What has been printed while a line is understood."""

    def take(self) -> str:
        """Return it, and forget it."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


@contextmanager
def collecting() -> Iterator[Said]:
    """Collect what is printed within: it is shown before a question and at the end, unless it is
    taken.
    """
    said = Said()
    token = printed.set(said)
    try:
        yield said
    finally:
        printed.reset(token)
        sys.stderr.write(said.take())


def before_loop(function: Callable[..., T], *arguments: object) -> T:
    """Call a function while no event loop runs, where it may ask by click."""
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
    """Stand in for `input` and `getpass` in click: ask on standard error, and read what the command
    reads.
    """
    reader, said = current_reader.get(), printed.get()
    if reader is None:
        raise RuntimeError(
            "click can't ask in an async callback: await context.ask(), or .confirm()"
        )
    if isinstance(said, Said):
        text = said.take() + text
    sys.stderr.write(text)
    sys.stderr.flush()
    answer = reader.read(hidden=hidden)
    if answer is None:
        raise UsageError(f"this needs an answer: {text.strip().rstrip(':')}")
    return answer


click.termui.visible_prompt_func = _ask
click.termui.hidden_prompt_func = partial(_ask, hidden=True)
