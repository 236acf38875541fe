"""Reads the words of a line: quotes, backslashes and variables."""

import re
from typing import NamedTuple

from attrs import define, field

# Alternatives begin with different characters, and matched text is never given back (`++`).
_PLAIN = re.compile(r"(?:[^ \t\r\n;&|<>'\"\\$]++|\\(?!\n?\Z).)++", re.DOTALL)
_PLAIN_IN_PARENTHESES = re.compile(r"(?:[^ \t\r\n;&|<>'\"\\$)]++|\\(?!\n?\Z).)++", re.DOTALL)
_IN_DOUBLE_QUOTES = re.compile(r'(?:[^"\\$]++|\\.|\\\Z)++', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"\\([\"\\\n$])")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+"
_VARIABLE = re.compile(rf"\$(?:({_NAME})|\{{({_NAME})\}}|(\?))")


class Variable(NamedTuple):
    """A variable in a word: `$name`, `${name}`, `$name.field`, or `$?`."""

    name: str
    fields: tuple[str, ...] = ()
    raw: str = ""


Word = str | tuple[str | Variable, ...]
"""The meaning of a word: a text, or the pieces of a text with variables."""


def as_written(word: Word) -> str:
    """Return a word with its variables in their written form."""
    if isinstance(word, str):
        return word
    return "".join(one if isinstance(one, str) else one.raw for one in word)


@define
class WordReader:
    """Reads one word; `quote` is the quote in which it begins, empty for none.

    At the end, `quote` is the construct that is still open, and `since` the position where it
    begins. `ends_at` is `(` for a word in `$( )`, which ends at the parenthesis.
    """

    quote: str
    since: int
    ends_at: str = ""
    _parts: list[str | Variable] = field(factory=list, init=False)

    @property
    def meaning(self) -> tuple[str | Variable, ...]:
        """The meaning of the word, in parts."""
        return tuple(self._parts)

    @property
    def variables(self) -> tuple[str | Variable, ...]:
        """The same for a word with variables; empty for others."""
        return self.meaning if any(isinstance(one, Variable) for one in self._parts) else ()

    def read(self, text: str, at: int) -> int:
        """Read a word from this position; returns the position of its end."""
        while at < len(text) and (end := self._step(text, at)) != at:
            at = end
        if not self.quote and text.startswith("\\", at):
            self.quote, self.since, at = "\\", at, len(text)
        return at

    def _step(self, text: str, at: int) -> int:
        """Read one piece; returns the same position at the end of the word."""
        if self.quote == "'":
            return self._single_quoted(text, at)
        plain = _PLAIN_IN_PARENTHESES if self.ends_at == "(" else _PLAIN
        if run := (_IN_DOUBLE_QUOTES if self.quote else plain).match(text, at):
            escaped = _ESCAPED_IN_QUOTES if self.quote else _ESCAPED
            self._parts.append(_unescaped(escaped, run[0]))
            return run.end()
        if text[at] == "$":
            return self._dollar(text, at)
        if self.quote:
            self.quote = ""
            return at + 1
        if text[at] in "'\"":
            self.quote, self.since = text[at], at
            return at + 1
        return at

    def _single_quoted(self, text: str, at: int) -> int:
        end = text.find("'", at)
        if end < 0:
            self._parts.append(text[at:])
            return len(text)
        self._parts.append(text[at:end])
        self.quote = ""
        return end + 1

    def _dollar(self, text: str, at: int) -> int:
        """Read a variable, or a `$` that does not begin one."""
        found = _VARIABLE.match(text, at)
        if found is None:
            self._parts.append("$")
            return at + 1
        name, *fields = (found[1] or found[2] or found[3]).split(".")
        self._parts.append(Variable(name, tuple(fields), found[0]))
        return found.end()


def _unescaped(pattern: re.Pattern[str], text: str) -> str:
    """Remove backslashes that quote characters, and line ends after a backslash."""
    return pattern.sub(lambda found: found[1].strip("\n"), text) if "\\" in text else text
