"""Finds the end of a command for the system's shell, by the grammar of POSIX shells.

It ends at the first `;`, `&` or end of line outside all quotes, parentheses, expansions,
here-documents and compound commands (`if … fi`, `for … done`, `case … esac`, `{ … }`). `&&`, `||`
and `|` join it to what follows. Errors are not found here: the system's shell reports them.
"""

import re
from typing import Any, NamedTuple, Self

from attrs import define, field

# Matched text is never given back (`++`), so that the time is proportional to the length of the
# text.
_BLANK = re.compile(r"[ \t\r]++")
_RUN = re.compile(r"[^ \t\r\n;&|()<>'\"`\\$]++")
_COMMENT = re.compile(r"#[^\n]*+")
_OPERATOR = re.compile(r"&&|\|[|&]?|<<<|[<>][&>|]?|&")
_HERE = re.compile(r"<<(-?)[ \t]*+((?:[^ \t\r\n;&|()<>'\"\\]|\\.|'[^'\n]*'|\"[^\"\n]*\")++)")
_PATTERN_END = re.compile(r"[ \t]*+[)|]")
_LONE_BRACE = re.compile(r"\}(?=[ \t\r\n;&|)]|\Z)")
_PARTS_OF_WORDS = ("'", '"', "`", "\\", "$")

_PLAIN_INSIDE = {
    '"': re.compile(r'(?:[^"\\$`]++|\\.|\\\Z)++', re.DOTALL),
    "`": re.compile(r"(?:[^`\\]++|\\.|\\\Z)++", re.DOTALL),
    "${": re.compile(r"(?:[^}'\"\\$`]++|\\.|\\\Z)++", re.DOTALL),
    "((": re.compile(r"(?:[^()'\"\\$`]++|\\.|\\\Z)++", re.DOTALL),
    "()": re.compile(r"(?:[^()'\"\\$`]++|\\.|\\\Z)++", re.DOTALL),
}
"""Text without a special meaning within quotes, `${ }`, `$(( ))`, and parentheses in the latter."""
_END_INSIDE = {'"': '"', "`": "`", "${": "}", "((": "))", "()": ")"}

_OPENERS = {"if": "if", "for": "do", "while": "do", "until": "do", "case": "case", "{": "{"}
_ENDINGS = {"fi": "if", "done": "do", "esac": "case", "}": "{"}
_BEFORE_COMMANDS = {"if", "while", "until", "{", "then", "else", "elif", "do", "!", "time"}
"""Words after which a command begins."""


class _Open(NamedTuple):
    kind: str
    at: int


class _Here(NamedTuple):
    """A here-document: the line that ends it, and whether tabs before that are ignored."""

    last: str
    cut: bool


@define
class SystemCommand:
    """Finds the end of a command, in a text or in chunks of whole lines.

    `until` is `}` or `)` if the command is in such a block, whose end is the command's end, too.
    """

    until: str = ""
    _open: list[_Open] = field(factory=list)
    """The constructs that are open, the innermost last, with the position in their chunk where they
    begin.
    """
    _documents: list[_Here] = field(factory=list)
    """Here-documents that begin after the line."""
    _in_document: bool = False
    _starts: bool = True
    """Whether a command begins here, so that reserved words are recognized."""
    _in_word: bool = False

    def read(self, text: str, at: int) -> int:
        """Return the position of the command's end, or of a backslash that ends the text; else the
        length of the text.
        """
        while at < len(text):
            end = self._step(text, at)
            if end == at:
                break
            at = end
        return at

    @property
    def is_open(self) -> str:
        """The construct that is still open at the end of the text, such as `'`, `$(` or `if`; empty
        if none is.
        """
        if self._documents:
            return "<<"
        return self._open[-1].kind if self._open else ""

    @property
    def since(self) -> int:
        """The position in its chunk where that construct begins."""
        return self._open[-1].at if self._open else 0

    def state(self) -> tuple[Any, ...]:
        """Return the state between two chunks, for :meth:`resumed`."""
        open_ = tuple(one.kind for one in self._open)
        documents = tuple(self._documents)
        return self.until, open_, documents, self._in_document, self._starts, self._in_word

    @classmethod
    def resumed(cls, state: tuple[Any, ...]) -> Self:
        """Return an object that continues from a state."""
        until, open_, documents, *others = state
        return cls(until, [_Open(kind, 0) for kind in open_], list(documents), *others)

    def _step(self, text: str, at: int) -> int:
        """Read one piece; returns its end, or the same position at the end of the command."""
        kind = self._open[-1].kind if self._open else ""
        if self._in_document:
            return self._line_of_document(text, at)
        if kind == "'":
            return self._single_quote(text, at)
        if kind in _PLAIN_INSIDE:
            return self._inside(kind, text, at)
        return self._piece(text, at)

    def _push(self, kind: str, at: int) -> int:
        """Record that a construct is opened; returns the position after its beginning."""
        self._open.append(_Open(kind, at))
        return at + len(kind)

    def _single_quote(self, text: str, at: int) -> int:
        end = text.find("'", at)
        if end < 0:
            return len(text)
        self._open.pop()
        return end + 1

    def _inside(self, kind: str, text: str, at: int) -> int:
        """Continue to read inside quotes, `${ }` or `$(( ))`, which contain no words of
        commands.
        """
        if plain := _PLAIN_INSIDE[kind].match(text, at):
            return plain.end()
        if text.startswith(_END_INSIDE[kind], at):
            self._open.pop()
            return at + len(_END_INSIDE[kind])
        if text[at] == "$":
            return self._expansion(text, at)
        if text[at] == "(":
            self._push("()", at)
        elif text[at] == ")":
            # `$((` was not arithmetic: a subshell at the beginning of `$( )` ends here.
            self._open[-1] = _Open("$(", self._open[-1].at)
        elif not (text[at] == "'" and any(one.kind == '"' for one in self._open[-2:])):
            self._push(text[at], at)
        return at + 1

    def _expansion(self, text: str, at: int) -> int:
        if text.startswith("$((", at):
            self._push("((", at)
            return at + 3
        if text.startswith("$(", at):
            self._starts, self._in_word = True, False
            return self._push("$(", at)
        return self._push("${", at) if text.startswith("${", at) else at + 1

    def _piece(self, text: str, at: int) -> int:
        """Read a piece of a command; returns the same position at the end of the command."""
        char = text[at]
        if blank := _BLANK.match(text, at):
            self._in_word = False
            return blank.end()
        if char == "\n":
            return self._end_of_line(at)
        if not self._in_word and (comment := _COMMENT.match(text, at)):
            return comment.end()
        if char in "&|<>":
            return self._operator(text, at)
        if char in ";()":
            return self._mark(char, at)
        return self._backslash(text, at) if char == "\\" else self._word(text, at)

    @property
    def _is_whole(self) -> bool:
        return not self._open and not self._documents

    def _end_of_line(self, at: int) -> int:
        if self._is_whole:
            return at
        self._in_document = bool(self._documents)
        return self._next_command(at + 1)

    def _next_command(self, at: int) -> int:
        self._starts, self._in_word = True, False
        return at

    def _line_of_document(self, text: str, at: int) -> int:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        line, (last, cut) = text[at:end], self._documents[0]
        if (line.lstrip("\t") if cut else line) == last:
            self._documents.pop(0)
            self._in_document = bool(self._documents)
            if self._is_whole:
                # The line's end also ends the command.
                return end
        return min(end + 1, len(text))

    def _operator(self, text: str, at: int) -> int:
        if here := _HERE.match(text, at):
            last = re.sub(r"\\(.)|['\"]", r"\1", here[2])
            self._documents.append(_Here(last, bool(here[1])))
            self._starts = self._in_word = False
            return here.end()
        operator = _OPERATOR.match(text, at)
        assert operator  # noqa: S101  # as one character of these alone matches
        if operator[0] == "&" and self._is_whole and not text.startswith("&>", at):
            return at
        if operator[0][0] in "<>":
            self._in_word = False
            return operator.end()
        return self._next_command(operator.end())

    def _mark(self, char: str, at: int) -> int:
        kind = self._open[-1].kind if self._open else ""
        if char == "(":
            return self._next_command(self._push("(", at))
        if char == ")" and kind == "$(":
            self._open.pop()
            self._starts, self._in_word = False, True
            return at + 1
        if char == ")" and kind == "(":
            self._open.pop()
        elif self._is_whole and char in (";", self.until):
            return at
        return self._next_command(at + 1)

    def _backslash(self, text: str, at: int) -> int:
        if len(text) - at <= 2 and text[at + 1 :] in ("", "\n"):  # at the end
            return at
        if text[at + 1] != "\n":
            self._starts, self._in_word = False, True
        return at + 2

    def _word(self, text: str, at: int) -> int:
        run = _RUN.match(text, at)
        if run is None:
            self._starts, self._in_word = False, True
            return self._expansion(text, at) if text[at] == "$" else self._push(text[at], at)
        begins, self._in_word = not self._in_word, True
        if begins and self.until == "}" and self._is_whole and _LONE_BRACE.match(text, at):
            return at
        if begins and not text.startswith(_PARTS_OF_WORDS, run.end()):
            self._whole_word(run[0], text, at)
        else:
            self._starts = False
        return run.end()

    def _whole_word(self, word: str, text: str, at: int) -> None:
        """Record which construct a word without quotes opens or closes."""
        kind = self._open[-1].kind if self._open else ""
        if not self._starts:
            self._starts = (kind, word) in (("case", "in"), ("do", "do"))
        elif word in _ENDINGS:
            if kind == _ENDINGS[word]:
                self._open.pop()
        else:
            is_pattern = kind == "case" and _PATTERN_END.match(text, at + len(word))
            if word in _OPENERS and not is_pattern:
                self._push(_OPENERS[word], at)
            self._starts = word in _BEFORE_COMMANDS
