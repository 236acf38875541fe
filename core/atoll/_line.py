"""The grammar of a line, the same at the prompt, after `-c`, in a script and on standard input.

A line holds statements separated by `;`, `&` or the end of the line. A statement is words, with
what follows them: `< file`, `> file`, `>> file`, or `| system command`; or it is `! system
command`. `&` runs a statement in the background. Words follow the habits of POSIX shells: single
quotes keep everything, double quotes keep all but a backslash before `"` or another backslash, a
backslash outside quotes keeps the next character, one before the end of the line joins lines, `#`
at the start of a word begins a comment, `~` at the start of a word is the home folder. `$` means
nothing here, so that `-e 'X=$Y'` and `-e X=$Y` reach the program alike.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import define, field, frozen

from atoll._errors import UsageError
from atoll._tokens import BLANK, Token, Tokenizer, statements

_OPEN = {
    "'": "a single quote is not closed",
    '"': "a double quote is not closed",
    "\\": "a backslash ends the line",
}


class LineError(UsageError):
    """A line that is not in the grammar; `incomplete` when more lines could still complete it."""

    def __init__(
        self, message: str, line: int, *, incomplete: bool = False, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.incomplete = incomplete


@frozen(kw_only=True)
class Statement:
    """One thing to do: its words, where its input and output go, and the line (from 1) it starts
    on; or `system`, a command of the system's shell, alone.
    """

    words: tuple[str, ...]
    line: int = 1
    text: str = ""
    source: Path | None = None
    target: Path | None = None
    append: bool = False
    pipe: str = ""
    system: str = ""
    background: bool = False


def parse(text: str, line: int = 1) -> list[Statement]:
    """Return the statements of a text whose first line has the number `line`; raises LineError."""
    if (at := text.find("\0")) >= 0:
        # No file, no variable and no argument of a program can hold one.
        raise LineError("a line can't hold a NUL character", line + text.count("\n", 0, at))
    return list(_Parser(text, line).statements())


@define
class Assembler:
    """Makes statements of lines as they come in, joining the lines that belong together."""

    _lines: list[str] = field(factory=list)
    _first: int = 1
    _count: int = 0
    _tokenizer: Tokenizer = field(factory=Tokenizer)

    def feed(self, line: str) -> list[Statement]:
        """Take a line without its end; returns what is complete now. Raises LineError."""
        self._count += 1
        if not self._lines:
            self._first = self._count
        self._lines.append(line + "\n")
        for _ in self._tokenizer.read(self._lines[-1]):
            pass
        return [] if self._tokenizer.open else self._take()

    def _take(self) -> list[Statement]:
        text, self._lines = "".join(self._lines), []
        return parse(text, self._first)

    def close(self) -> None:
        """Raise LineError if the last lines were left open."""
        if self._lines:
            self._take()


@define
class _Parser:
    """Makes statements of the tokens of a text; `line` is the number of the line at `_at`."""

    text: str
    line: int
    _at: int = 0

    def statements(self) -> Iterator[Statement]:
        tokenizer = Tokenizer()
        for tokens in statements(tokenizer.read(self.text)):
            if tokenizer.open:
                line = self._line_at(tokenizer.since)
                raise LineError(_OPEN[tokenizer.open], line, incomplete=True)
            if tokens and (statement := self._statement(tokens)):
                yield statement

    def _line_at(self, at: int) -> int:
        """Return the number of a line; places are asked for from left to right."""
        self.line += self.text.count("\n", self._at, at)
        self._at = at
        return self.line

    def _statement(self, tokens: Sequence[Token]) -> Statement | None:
        """Make a statement; None for an empty line."""
        line = self._line_at(tokens[0].start)
        end = tokens[-1].value if tokens[-1].kind == "end" else ""
        self._refuse_doubled(end, tokens[-1].start)
        pieces = [token for token in tokens if token.kind not in ("end", "comment")]
        if not pieces and end in ("", "\n"):
            return None
        redirects = self._redirects(tokens)
        system = self._system_command(pieces[-1]) if pieces else ""
        words = tuple(self._meaning(token) for token in pieces if token.kind == "word")
        alone = bool(pieces) and pieces[0].value.startswith("!") and pieces[0].kind == "system"
        if not words and not alone:
            mark = pieces[0].value[:1] if pieces else end
            raise LineError(f"a command is missing before {mark!r}", line)
        source, _ = redirects.get("<", (None, False))
        target, append = redirects.get(">", (None, False))
        return Statement(
            words=words,
            line=line,
            text=self.text[tokens[0].start : tokens[-1].end].strip(BLANK + ";"),
            source=source,
            target=target,
            append=append,
            pipe="" if alone else system,
            system=system if alone else "",
            background=end == "&",
        )

    def _refuse_doubled(self, end: str, at: int) -> None:
        if end in ("&&", "||"):
            hint = "put the commands on lines of their own: a script stops at the first that fails"
            raise LineError(f"{end!r} is not understood here", self._line_at(at), hint=hint)

    def _redirects(self, tokens: Sequence[Token]) -> dict[str, tuple[Path, bool]]:
        """Return the file after `<`, and the one after `>` with whether it is appended to."""
        found: dict[str, tuple[Path, bool]] = {}
        for place, token in enumerate(tokens):
            if token.kind != "redirect":
                continue
            mark, line = token.value[0], self._line_at(token.start)
            file = next(iter(tokens[place + 1 :]), None)
            if file is None or file.kind != "file":
                raise LineError(f"no file is named after {token.value!r}", line)
            if mark in found:
                raise LineError(
                    f"{mark!r} stands twice in one statement", self._line_at(token.start)
                )
            found[mark] = Path(self._meaning(file)), token.value == ">>"
        return found

    def _system_command(self, token: Token) -> str:
        """Return what follows `|` or `!`, for the system's shell to read; "" for another piece."""
        if token.kind != "system":
            return ""
        command = token.value[1:].strip()
        if not command:
            line = self._line_at(token.start)
            raise LineError(f"no system command is named after {token.value[0]!r}", line)
        return command

    def _meaning(self, token: Token) -> str:
        """Return what a word means, its tilde too."""
        if self.text.startswith("~", token.start):
            after = token.start + 1
            if after == token.end or self.text[after] == "/":
                return os.path.expanduser("~") + token.value[1:]  # noqa: PTH111  # Path.home() raises where this stays quiet
        return token.value
