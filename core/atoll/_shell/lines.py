"""A text of many lines, read line by line: what was read before costs next to nothing.

While a text is typed, one of its lines changes at a time. How each of the others leaves the
grammar (in an open quote, say) is remembered, so that a key costs as much as one line does.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import lru_cache, reduce
from itertools import pairwise

from attrs import field, frozen

from atoll._tokens import Tokenizer

_REMEMBERED = 20_000
"""How many lines are remembered."""


@frozen
class _State:
    """A tokenizer between two lines; all that it knows is in its `key`."""

    key: str
    tokenizer: Tokenizer = field(eq=False)


_FRESH = _State("", Tokenizer())


@lru_cache(_REMEMBERED)
def _after(state: _State, line: str) -> _State:
    """Return the state in which a line leaves the tokenizer, `_FRESH` where nothing is open."""
    tokenizer = deepcopy(state.tokenizer)
    deque(tokenizer.read(line + "\n"), maxlen=0)
    return _State(repr(tokenizer), tokenizer) if tokenizer.open else _FRESH


def _beginnings(lines: Sequence[str]) -> Iterator[int]:
    """Yield the numbers of the lines, from 0, at which the grammar begins anew."""
    state = _FRESH
    for number, line in enumerate(lines):
        if state is _FRESH:
            yield number
        state = _after(state, line)


def chunks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield lines that belong together, such as those of a quote: each chunk can be read alone."""
    for began, end in pairwise([*_beginnings(lines), len(lines)]):
        yield lines[began:end]


def last_chunk(text: str) -> str:
    """Return the last lines of a text that belong together."""
    lines = text.split("\n")
    *_, began = _beginnings(lines)
    return "\n".join(lines[began:])


def is_open(text: str) -> bool:
    """Whether more lines have to follow these, such as while a quote or a block is open."""
    return reduce(_after, text.split("\n"), _FRESH) is not _FRESH
