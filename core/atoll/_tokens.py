"""Splits a line into tokens, even if the line is unfinished. There is only this tokenizer.

:mod:`atoll._line` makes statements of the tokens, and reports errors. The prompt uses the tokens
for completion and colours while a line is being typed. So there are no errors here: each token has
its position in the text, and the quote that is still open at its end. The time for a text is
proportional to its length.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, Self

from attrs import astuple, define, field

from atoll._sh import SystemCommand
from atoll._words import Variable, WordReader, as_written

BLANK = " \t\r\n"
Kind = Literal["word", "file", "redirect", "end", "open", "close", "system", "filter", "comment"]

# Alternatives begin with different characters, and matched text is never given back (`++`).
_SPACE = re.compile(r"(?:[ \t\r]++|\\\n(?!\Z))++")
_MARK = re.compile(r"&&|\|\||>>|[\n;&<>]")
_MARKS = "\n;&|<>"
_BRACE = re.compile(r"[{}](?=[ \t\r\n;&|)]|\Z)")
_FIRST = re.compile(r"\|[ \t]*+first(?=[ \t]*+(?:[\n;&})#]|\|\||\Z))")
_COMMENT = re.compile(r"#[^\n]*+")
_CHAINS = ("&&", "||")
PASTED = ("$", "%", "atoll", "backend.ai")
"""Words that stand before a statement when a line of a document is pasted."""
_PROMPT = re.compile(r"(?:\[[INR]\] )?(?:[^\s;&|<>'\"$#!{}()\\]++ )?atoll>(?: |(?=\n)|\Z)")
"""This program's own prompt, which stands before a statement when a screen is pasted. Otherwise, it
would write into the file that is named as a command.
"""
_AFTER_KEYWORD = {"for": 3, "let": 3}
"""The number of words before values: `for NAME in`, `let NAME =`."""


class _Mark(NamedTuple):
    """A mark after which more must follow, and its position in its chunk."""

    text: str = ""
    at: int = 0


class Token(NamedTuple):
    """A piece of a line, from `start` to before `end`.

    A `file` is the word after a redirection. An `end` separates statements: `;`, `&`, the end of a
    line, `&&` or `||`. `open` and `close` are the marks around statements within others: `{` and
    `}`, `$(` and `)`. A `system` is `|`, or `!` at the start of a statement, with the system
    command after it; a `filter` is `| first`. `value` is the meaning of a word, with its variables
    and its tilde left as they are. `quote` is the construct that is still open at its end: a quote,
    a backslash, one of a system command, or none. `parts` is the meaning of a word that contains
    variables.
    """

    kind: Kind
    start: int
    end: int
    value: str
    quote: str = ""
    parts: tuple[str | Variable, ...] = ()


@define
class _Statement:
    """The state of a statement, on which the reading of its next token depends: its first words,
    and their number.
    """

    keyword: str = ""
    words: int = 0

    def add(self, word: str) -> None:
        """Add the next word, as it is written."""
        if not self.words and word in PASTED:
            return
        self.words += 1
        if self.words == 1:
            self.keyword = word if word in _AFTER_KEYWORD else ""
        elif self.words == 2 and word.startswith("-"):  # as in `for --help`
            self.keyword = ""

    @property
    def begins_value(self) -> bool:
        """Whether the next token begins the value of a `let`."""
        return self.keyword == "let" and self.words == _AFTER_KEYWORD["let"]

    @property
    def is_past_keyword(self) -> bool:
        """Whether values follow, as after `for NAME in` or `let NAME =`."""
        return bool(self.keyword) and self.words >= _AFTER_KEYWORD[self.keyword]


@define
class Tokenizer:
    """Reads a text from left to right, at once or in chunks of whole lines."""

    _kind: Kind = "end"
    """The kind of the last piece, or of the one that is open."""
    _quote: str = ""
    """The construct that is open in a piece, or a backslash after a piece."""
    _since: int = 0
    _inside: bool = False
    """Whether the open construct is in a piece; a backslash may also join lines between two
    pieces.
    """
    _chain: _Mark | None = None
    """The last `&&` or `||`, until the next statement has begun."""
    _outer: list[tuple[_Mark, _Statement]] = field(factory=list)
    """The open marks, each with the statement that contains it."""
    _statement: _Statement = field(factory=_Statement)
    _system: SystemCommand | None = None
    """The system command that is open."""

    @property
    def open(self) -> str:
        """The construct that is still open at the end of the text: as in a token's `quote`, or `{`
        or `(` around statements, or `&&` or `||` without a statement after it; empty if there is
        none.
        """
        return self._quote or self._unfinished.text

    @property
    def since(self) -> int:
        """The position in its chunk where that construct begins."""
        return self._since if self._quote else self._unfinished.at

    @property
    def _unfinished(self) -> "_Mark":
        return self._outer[-1][0] if self._outer else self._chain or _Mark()

    def state(self) -> tuple[Any, ...]:
        """Return the state between two chunks, for :meth:`resumed`."""
        return (
            self._kind,
            self._quote,
            self._inside,
            self._chain.text if self._chain else "",
            tuple((mark.text, astuple(statement)) for mark, statement in self._outer),
            astuple(self._statement),
            self._system.state() if self._system else None,
        )

    @classmethod
    def resumed(cls, state: tuple[Any, ...]) -> Self:
        """Return a tokenizer that continues from a state."""
        kind, quote, inside, chain, outer, statement, system = state
        return cls(
            kind=kind,
            quote=quote,
            inside=inside,
            chain=_Mark(chain) if chain else None,
            outer=[(_Mark(mark), _Statement(*words)) for mark, words in outer],
            statement=_Statement(*statement),
            system=SystemCommand.resumed(system) if system else None,
        )

    def read(self, text: str) -> Iterator[Token]:
        """Yield the tokens of a chunk. A token that the last chunk has left open is continued."""
        at = 0
        if self._inside and text:
            token = self._read_piece(text, 0, 0)
            at = token.end
            if at:
                yield token
        elif text:
            self._quote = ""
        while at < len(text):
            if space := _SPACE.match(text, at):
                at = space.end()
            elif text.startswith("\\\n", at):
                self._quote, self._since = "\\", at
                return
            else:
                token = self._read_token(text, at)
                yield token
                at = token.end

    def _read_token(self, text: str, at: int) -> Token:
        if self._kind in ("end", "open") and (prompt := _PROMPT.match(text, at)):
            return Token("comment", at, prompt.end(), prompt[0])
        char = text[at]
        if char in _MARKS and (mark := _MARK.match(text, at)):
            return self._redirect(mark) if char in "<>" else self._end(mark)
        if char == "#" and (comment := _COMMENT.match(text, at)):
            return self._made("comment", at, comment[0])
        self._chain = None
        if char in "|!" and (token := self._special(char, text, at)):
            return token
        if char in "{}$)" and (token := self._bracket(char, text, at)):
            return token
        self._kind = "file" if self._kind == "redirect" else "word"
        token = self._read_piece(text, at, at)
        if token.kind == "word":
            self._statement.add(text[at : token.end])
        return token

    def _redirect(self, mark: re.Match[str]) -> Token:
        self._chain = None
        return self._made("redirect", mark.start(), mark[0])

    def _end(self, mark: re.Match[str]) -> Token:
        self._statement = _Statement()
        if mark[0] in _CHAINS:
            self._chain = _Mark(mark[0], mark.start())
        elif mark[0] != "\n":
            self._chain = None
        return self._made("end", mark.start(), mark[0])

    def _special(self, char: str, text: str, at: int) -> Token | None:
        """Read a system command or a filter."""
        within = self._outer[-1][0].text if self._outer else ""
        takes_first = self._statement.keyword == "let" or within == "("
        if char == "|" and takes_first and (first := _FIRST.match(text, at)):
            return self._made("filter", at, first[0])
        if char == "!" and not (self._kind in ("end", "open") or self._statement.begins_value):
            return None
        self._kind = "system"
        self._system = SystemCommand({"{": "}", "(": ")"}.get(within, ""))
        return self._read_piece(text, at, at + 1)

    def _bracket(self, char: str, text: str, at: int) -> Token | None:
        """Read the beginning or the end of statements inside another statement."""
        statement = self._statement
        within = self._outer[-1][0].text if self._outer else ""
        if char == ")":
            return self._close(at, char) if within == "(" else None
        if char == "$":
            opens = statement.keyword == "for" and statement.is_past_keyword
            return self._open(at, "$(") if opens and text.startswith("$(", at) else None
        if not _BRACE.match(text, at):
            return None
        if char == "{":
            return self._open(at, char) if statement.keyword == "for" else None
        return self._close(at, char) if within == "{" else None

    def _open(self, at: int, mark: str) -> Token:
        self._outer.append((_Mark(mark[-1], at), self._statement))
        self._statement = _Statement()
        return self._made("open", at, mark)

    def _close(self, at: int, mark: str) -> Token:
        _, outer = self._outer.pop()
        self._statement = outer if mark == ")" else _Statement()
        return self._made("close", at, mark)

    def _made(self, kind: Kind, at: int, value: str) -> Token:
        self._kind = kind
        return Token(kind, at, at + len(value), value)

    def _read_piece(self, text: str, start: int, at: int) -> Token:
        """Read a word or a system command, continuing at `at` if it was begun before."""
        token = self._read_system(text, start, at) if self._system else self._read_word(text, start)
        self._quote, self._inside = token.quote, bool(token.quote)
        return token

    def _read_system(self, text: str, start: int, at: int) -> Token:
        assert self._system  # noqa: S101  # callers have looked
        end = self._system.read(text, at)
        quote = self._system.is_open if end == len(text) else ""
        self._since = self._system.since
        if text.startswith("\\", end):
            quote, self._since, end = "\\", end, len(text)
        if not quote:
            self._system = None
        return Token("system", start, end, text[start:end], quote)

    def _read_word(self, text: str, start: int) -> Token:
        within = self._outer[-1][0].text if self._outer else ""
        reader = WordReader(self._quote.strip("\\"), self._since, ends_at=within)
        end = reader.read(text, start)
        self._since = reader.since
        value = as_written(reader.meaning)
        return Token(self._kind, start, end, value, reader.quote, reader.variables)


def scan(text: str) -> Iterator[Token]:
    """Yield the tokens of a text from left to right."""
    return Tokenizer().read(text)


_DEFINITIONS = (("let", "="), ("alias", "="))
"""Keywords with a name after them, and the mark before the command that is their value."""


def command_words(tokens: Iterable[Token]) -> tuple[str, ...]:
    """Return the words of the command in the tokens of a statement; of `let` and `alias`, the words
    of its value.
    """
    words = tuple(token.value for token in tokens if token.kind == "word")
    at = next((at for at, word in enumerate(words) if word not in PASTED), 0)
    return words[at + 3 :] if words[at : at + 3 : 2] in _DEFINITIONS else words


def statements(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each statement, including its `end`; the last one has no end, and may be
    empty.

    Statements within `{` and `}`, or `$(` and `)`, are yielded separately. The tokens around `$(`
    and `)` are one statement, which is yielded after that.
    """
    pieces: list[Token] = []
    around: list[list[Token]] = []
    for token in tokens:
        pieces.append(token)
        if token.value == "$(" and token.kind == "open":
            around.append(pieces)
            pieces = []
        elif token.value == ")" and token.kind == "close":
            yield pieces
            pieces = around.pop() if around else []
        elif token.kind in ("end", "open", "close"):
            yield pieces
            pieces = []
    yield pieces
