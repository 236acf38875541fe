"""Reads a text of many lines line by line, and remembers the result of each.

While a text is typed, one of its lines changes at a time. The tokens of each other line, and the
state after it (in an open quote, say), are remembered, so that a key costs as much as one line
does.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from atoll._tokens import Token, Tokenizer

State = tuple[Any, ...]
"""What a Tokenizer knows between two lines."""

_REMEMBERED = 20_000
"""How many lines are remembered."""
FRESH: State = Tokenizer().state()
"""The state in which nothing is open."""


@lru_cache(_REMEMBERED)
def read_line(state: State, line: str) -> tuple[Sequence[Token], State]:
    """Return the tokens of a line, including its end, and the state after it."""
    tokenizer = Tokenizer.resumed(state)
    tokens = tuple(tokenizer.read(line + "\n"))
    return tokens, tokenizer.state() if tokenizer.open else FRESH


def forget_lines() -> None:
    """Forget the lines: the text that they belong to has been entered."""
    read_line.cache_clear()


def last_statement(text: str) -> tuple[State, str]:
    """Return the last lines of a text, from a line on at which a statement begins, and the state
    before them.
    """
    lines, state = text.split("\n"), FRESH
    began = state, 0
    for number, line in enumerate(lines[:-1], start=1):
        tokens, state = read_line(state, line)
        if tokens and tokens[-1].kind == "end":
            began = state, number
    return began[0], "\n".join(lines[began[1] :])


def is_open(text: str) -> bool:
    """Whether more lines must follow, because a quote or a block is open for example."""
    state = FRESH
    for line in text.split("\n"):
        _, state = read_line(state, line)
    return state != FRESH
