"""Where the cursor stands in a line: what completion goes by."""

from collections.abc import Sequence

from attrs import frozen

from atoll._aim import aim_of
from atoll._commands import before_command
from atoll._shell.lines import last_chunk
from atoll._tokens import Kind, Token, scan, statements

_AFTER: dict[Kind, Kind] = {"redirect": "file", "system": "system"}
"""What follows a piece, where that is not a word."""


@frozen
class Place:
    """Where the cursor stands: the finished words of its statement, the piece before it, and the
    words that are there already to its right.

    `piece` is None where nothing has been typed of the next word yet; `kind` says what that would
    be. `raw` is the piece as it was typed.
    """

    words: tuple[str, ...]
    kind: Kind
    piece: Token | None
    raw: str = ""
    right: tuple[str, ...] = ()

    @property
    def profile(self) -> str:
        """What the line names by `@` or by `--profile`."""
        words = (*self.words, *self.right)
        begin = before_command(words)
        return aim_of(words[:begin], words[begin:])

    @property
    def typed(self) -> str:
        """What the piece means so far."""
        return self.piece.value if self.piece else ""


def place(before: str, after: str = "") -> Place:
    """Tell where a cursor stands that has `before` on its left, and `after` on its right."""
    before = last_chunk(before)
    *_, pieces = statements(scan(before))
    right = _words(next(statements(scan(after))))
    last = pieces[-1] if pieces else None
    if last is not None and (last.end == len(before) or last.quote) and last.kind != "redirect":
        return Place(_words(pieces[:-1]), last.kind, last, before[last.start :], right)
    kind = _AFTER.get(last.kind, "word") if last else "word"
    return Place(_words(pieces), kind, None, right=right)


def _words(pieces: Sequence[Token]) -> tuple[str, ...]:
    words = tuple(token.value for token in pieces if token.kind == "word")
    # What a variable is to keep is a statement by itself.
    return words[3:] if words[:1] == ("let",) and words[2:3] == ("=",) else words
