"""The keys of a terminal; it is also asked for the colour of its background.

Its answer arrives among the keys, and is removed from them. No code waits for it: a terminal that
supports the question answers before the user can press a key.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TextIO

from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding.key_processor import KeyPress

from atoll._theme import QUESTION, background

_ANSWER = re.compile(r"\x1b\]11;([^\x1b\a]{0,60})(?:\x1b\\|\a)")
_BEGUN = re.compile(r"\x1b\](?:1(?:1(?:;[^\x1b\a]{0,60}\x1b?)?)?)?\Z")
"""The beginning of an answer whose rest has not arrived yet."""
_TIMEOUT = 5.0
"""Seconds after which no answer is expected any more."""


class TerminalInput(Vt100Input):
    """The keys of a terminal; `on_answer` is called when the terminal has reported its background.

    It is asked as soon as raw mode is on, so that nothing is echoed, and only if `asks` returns
    true.
    """

    def __init__(self, stdin: TextIO, shown: TextIO, asks: Callable[[], bool]) -> None:
        super().__init__(stdin)
        self.on_answer: Callable[[], object] = lambda: None
        self._shown = shown
        self._asks = asks
        self._until = 0.0
        self._held: list[KeyPress] = []

    @property
    def waits(self) -> bool:
        """Whether an answer may still come."""
        return time.monotonic() < self._until

    @contextmanager
    def raw_mode(self) -> Iterator[None]:
        """Switch to raw mode during the block."""
        with super().raw_mode():
            if self._asks():
                self._ask()
            yield

    def _ask(self) -> None:
        background.was_asked = True
        self._until = time.monotonic() + _TIMEOUT
        with suppress(OSError, ValueError):
            self._shown.flush()
            os.write(self._shown.fileno(), QUESTION.encode())

    def read_keys(self) -> list[KeyPress]:
        """Return the keys that were pressed, without answers."""
        return self._without_answer(super().read_keys())

    def flush_keys(self) -> list[KeyPress]:
        """Return keys that might have been the beginning of other keys."""
        held, self._held = self._held, []
        return [*held, *super().flush_keys()]

    def _without_answer(self, pressed: list[KeyPress]) -> list[KeyPress]:
        if not self.waits and not self._held:
            return pressed
        keys, self._held = [*self._held, *pressed], []
        text = "".join(key.data for key in keys)
        if answer := _ANSWER.search(text):
            self._until = 0.0
            background.learn(answer[1])
            self.on_answer()
            return [*_between(keys, 0, answer.start()), *_between(keys, answer.end(), len(text))]
        if begun := _BEGUN.search(text):
            self._held = _between(keys, begun.start(), len(text))
            return _between(keys, 0, begun.start())
        return keys


def _between(keys: Sequence[KeyPress], start: int, end: int) -> list[KeyPress]:
    """Return the keys between two positions in everything that they have sent."""
    found, at = list[KeyPress](), 0
    for key in keys:
        if start <= at < end:
            found.append(key)
        at += len(key.data)
    return found
