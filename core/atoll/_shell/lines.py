"""Tokenizes a text line by line, and remembers the result of each line.

While a text is typed, one of its lines changes at a time. The tokens of each other line, and the
state after it (for example in an open quote), are remembered, so that a key needs no more time than
one line takes.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from atoll._tokens import Token, Tokenizer

State = tuple[Any, ...]
"""The state of a Tokenizer between two lines."""

_REMEMBERED = 20_000
"""How many lines are remembered."""
FRESH: State = Tokenizer().state()
"""The state in which no construct is open."""


@lru_cache(_REMEMBERED)
def read_line(state: State, line: str) -> tuple[Sequence[Token], State]:
    """Return the tokens of a line, including its end, and the state after it."""
    tokenizer = Tokenizer.resumed(state)
    tokens = tuple(tokenizer.read(line + "\n"))
    return tokens, tokenizer.state() if tokenizer.open else FRESH


def forget_lines() -> None:
    """Drop the remembered lines, since the text that contains them has been entered."""
    read_line.cache_clear()


def last_statement(text: str) -> tuple[State, str]:
    """Return the end of a text, from the first line of its last statement on, and the state before
    that line.
    """
    lines, state = text.split("\n"), FRESH
    began = state, 0
    for number, line in enumerate(lines[:-1], start=1):
        tokens, state = read_line(state, line)
        if tokens and tokens[-1].kind == "end":
            began = state, number
    return began[0], "\n".join(lines[began[1] :])


def is_open(text: str) -> bool:
    """Whether more lines must follow, for example because a quote or a block is open."""
    state = FRESH
    for line in text.split("\n"):
        _, state = read_line(state, line)
    return state != FRESH
