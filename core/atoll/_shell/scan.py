"""Reads a line that may not be finished yet, for completion and highlighting.

:mod:`atoll._line` decides what a line means and refuses what is not in the grammar. Here the same
grammar is read without refusing anything: each piece keeps its place in the text, and a quote that
is still open is a fact, not an error.
"""

from collections.abc import Iterator
from typing import Literal

from attrs import define, frozen

BLANK = " \t\r\n"
SPECIAL = ";&|<>"
Kind = Literal["word", "file", "redirect", "end", "system", "comment"]
_AFTER: dict[Kind, Kind] = {"redirect": "file", "system": "system"}
"""What follows a piece, where that is not a word."""


@frozen
class Token:
    """A piece of a line, from `start` to before `end`.

    A `file` is the word after a redirection, an `end` separates statements, a `system` is `|`, or
    `!` where a statement begins, with the system command after it. `value` is what a word means,
    but for its tilde, which is left as it is. `quote` is what is still open at its end: `'`, `"`, a
    backslash, or nothing.
    """

    kind: Kind
    start: int
    end: int
    value: str
    quote: str = ""


@frozen
class Place:
    """Where the cursor stands: the finished words of its statement, and the piece before it.

    `piece` is None where nothing has been typed of the next word yet; `kind` says what that would
    be.
    """

    words: tuple[str, ...]
    kind: Kind
    piece: Token | None

    @property
    def typed(self) -> str:
        """What the piece means so far."""
        return self.piece.value if self.piece else ""


def scan(text: str) -> Iterator[Token]:
    """Yield the pieces of a text from left to right."""
    at = 0
    kind: Kind = "end"
    while at < len(text):
        if text[at] in BLANK and text[at] != "\n":
            at += 1
            continue
        token = _token(text, at, kind)
        if token is not None:
            yield token
            kind = token.kind
        at = token.end if token else at + 2


def _token(text: str, at: int, before: Kind) -> Token | None:
    """Read the piece that starts at `at`; None for a backslash that joins two lines."""
    char = text[at]
    if char in "\n;&":
        return Token("end", at, at + 1, char)
    if char == "|" or (char == "!" and before == "end"):
        return _system(text, at)
    if char in "<>":
        end = at + 2 if text.startswith(">>", at) else at + 1
        return Token("redirect", at, end, text[at:end])
    if char == "#":
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        return Token("comment", at, end, text[at:end])
    if text.startswith("\\\n", at):
        return None
    return _Word(text, at).read("file" if before == "redirect" else "word")


@define
class _Word:
    """Reads one word; `at` is the place of the next character."""

    text: str
    at: int
    value: str = ""
    quote: str = ""

    def read(self, kind: Kind) -> Token:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in BLANK + SPECIAL:
            char = self.text[self.at]
            if char in "'\"":
                self._quoted(char)
            elif char == "\\":
                self._escaped()
            else:
                self.value += char
                self.at += 1
        return Token(kind, start, self.at, self.value, self.quote)

    def _quoted(self, mark: str) -> None:
        self.at += 1
        while self.at < len(self.text):
            char, following = self.text[self.at], self.text[self.at + 1 : self.at + 2]
            if char == mark:
                self.at += 1
                return
            if mark == '"' and char == "\\" and following and following in '"\\\n':
                self.value += following.strip("\n")
                self.at += 2
            else:
                self.value += char
                self.at += 1
        self.quote = mark

    def _escaped(self) -> None:
        following = self.text[self.at + 1 : self.at + 2]
        self.quote = "" if following else "\\"
        self.value += following.strip("\n")
        self.at += 1 + len(following)


def _system(text: str, start: int) -> Token:
    """Take `|` or `!` and the system command after it, up to the end of the statement."""
    at, quote = start + 1, ""
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "\n;" or (char == "&" and _in_background(text, at)):
            break
        at += 1
    end = min(at, len(text))
    return Token("system", start, end, text[start:end], quote)


def _in_background(text: str, at: int) -> bool:
    # `2>&1` and `&&` are the system shell's own.
    return text[at - 1] not in ">&" and text[at + 1 : at + 2] != "&"


def statements(text: str) -> Iterator[list[Token]]:
    """Yield the pieces of each statement, without what separates them; the last may be empty."""
    pieces: list[Token] = []
    for token in scan(text):
        if token.kind == "end":
            yield pieces
            pieces = []
        else:
            pieces.append(token)
    yield pieces


def place(before: str) -> Place:
    """Tell where a cursor stands that has `before` on its left."""
    *_, pieces = statements(before)
    last = pieces[-1] if pieces else None
    if last is not None and (last.end == len(before) or last.quote) and last.kind != "redirect":
        return Place(_words(pieces[:-1]), last.kind, last)
    kind = _AFTER.get(last.kind, "word") if last else "word"
    return Place(_words(pieces), kind, None)


def _words(pieces: list[Token]) -> tuple[str, ...]:
    return tuple(token.value for token in pieces if token.kind == "word")
