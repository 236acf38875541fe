"""The pieces of a line, finished or not: one reading of the grammar for all who need it.

:mod:`atoll._line` makes statements of the pieces, and refuses what is not in the grammar. The
prompt completes and colours by them while a line is being typed. So nothing is refused here: a
quote that is still open is a fact, and each piece knows its place in the text. The time that a text
takes grows with its length, no faster.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from attrs import define

BLANK = " \t\r\n"
Kind = Literal["word", "file", "redirect", "end", "system", "comment"]

# Alternatives begin with different characters, and nothing that has matched is given back (`++`).
_WORD = re.compile(r"(?:[^ \t\r\n;&|<>'\"\\]++|\\(?!\n?\Z).)++", re.DOTALL)
# Where a system command ends is said here and nowhere else. `2>&1` and `&&` are its own.
_SYSTEM = re.compile(r"(?:[^\n;&'\"\\]++|\\(?!\n?\Z).|(?<=[>&])&|&(?=&))++", re.DOTALL)
_IN_DOUBLE_QUOTES = re.compile(r'(?:[^"\\]++|\\.|\\\Z)*+', re.DOTALL)
_SPACE = re.compile(r"(?:[ \t\r]++|\\\n(?!\Z))++")
_MARK = re.compile(r"&&|\|\||>>|[\n;&<>]")
_MARKS = "\n;&|<>"
_COMMENT = re.compile(r"#[^\n]*+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"\\([\"\\\n])")


class Token(NamedTuple):
    """A piece of a line, from `start` to before `end`.

    A `file` is the word after a redirection. An `end` separates statements: `;`, `&`, the end of a
    line, `&&` or `||`. A `system` is `|`, or `!` where a statement begins, with the system command
    after it. `value` is what a word means, but for its tilde, which is left as it is. `quote` is
    what is still open at its end: `'`, `"`, a backslash, or nothing.
    """

    kind: Kind
    start: int
    end: int
    value: str
    quote: str = ""


@define
class Tokenizer:
    """Reads a text from left to right, at once or in chunks of whole lines.

    `open` is what is still open at the end of what was read, as in a token's `quote`; it began at
    `since` in its chunk.
    """

    open: str = ""
    since: int = 0
    _kind: Kind = "end"
    """Of the piece before, or of the one that is open."""
    _inside: bool = False
    """Whether what is open is a piece: a backslash may join lines between two of them, too."""

    def read(self, text: str) -> Iterator[Token]:
        """Yield the pieces of a chunk; one that was left open goes on with its kind."""
        at = 0
        if self._inside and text:
            token = self._read_piece(text, 0, 0, self.open.strip("\\"))
            at = token.end
            if at:
                yield token
        elif text:
            self.open = ""
        while at < len(text):
            if space := _SPACE.match(text, at):
                at = space.end()
            elif text.startswith("\\\n", at):
                self.open, self.since = "\\", at
                return
            else:
                token = self._read_token(text, at)
                yield token
                at = token.end

    def _read_token(self, text: str, at: int) -> Token:
        before, char = self._kind, text[at]
        self._kind = "file" if before == "redirect" else "word"
        if char in _MARKS and (mark := _MARK.match(text, at)):
            return self._made("redirect" if char in "<>" else "end", at, mark[0])
        if char == "|" or (char == "!" and before == "end"):
            self._kind = "system"
            return self._read_piece(text, at, at + 1)
        if char == "#" and (comment := _COMMENT.match(text, at)):
            return self._made("comment", at, comment[0])
        return self._read_piece(text, at, at)

    def _made(self, kind: Kind, at: int, value: str) -> Token:
        self._kind = kind
        return Token(kind, at, at + len(value), value)

    def _read_piece(self, text: str, start: int, at: int, quote: str = "") -> Token:
        """Read a word or a system command, going on at `at`, where `quote` is open."""
        plain = _SYSTEM if self._kind == "system" else _WORD
        meanings: list[str] = []
        while True:
            if quote:
                end = _end_of_quote(text, at, quote)
                inside = text[at:end]
                meanings.append(inside if quote == "'" else _unescape(_ESCAPED_IN_QUOTES, inside))
                at = end
                if at == len(text):
                    break
                quote, at = "", at + 1
            elif run := plain.match(text, at):
                meanings.append(_unescape(_ESCAPED, run[0]))
                at = run.end()
            elif text.startswith(("'", '"'), at):
                quote, self.since, at = text[at], at, at + 1
            else:
                break
        if not quote and text.startswith("\\", at):
            quote, self.since, at = "\\", at, len(text)
        self.open, self._inside = quote, bool(quote)
        value = text[start:at] if self._kind == "system" else "".join(meanings)
        return Token(self._kind, start, at, value, quote)


def _end_of_quote(text: str, at: int, quote: str) -> int:
    """Return where a quote is closed that is open at a place, or the end of the text."""
    if quote == "'":
        found = text.find("'", at)
        return len(text) if found < 0 else found
    inside = _IN_DOUBLE_QUOTES.match(text, at)
    return inside.end() if inside else at


def _unescape(pattern: re.Pattern[str], text: str) -> str:
    """Leave out the backslashes that quote something, and the line ends that are quoted."""
    return pattern.sub(lambda found: found[1].strip("\n"), text) if "\\" in text else text


def scan(text: str) -> Iterator[Token]:
    """Yield the pieces of a text from left to right."""
    return Tokenizer().read(text)


def statements(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Yield the pieces of each statement, its `end` with them; the last has none, and may be
    empty.
    """
    pieces: list[Token] = []
    for token in tokens:
        pieces.append(token)
        if token.kind == "end":
            yield pieces
            pieces = []
    yield pieces
