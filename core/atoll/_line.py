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
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from attrs import define, field, frozen

from atoll._errors import UsageError

_BLANK = " \t\r\n"
_SPECIAL = ";&|<>"


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

    _pending: str = ""
    _first: int = 1
    _count: int = 0

    def feed(self, line: str) -> list[Statement]:
        """Take a line without its end; returns what is complete now. Raises LineError."""
        self._count += 1
        if not self._pending:
            self._first = self._count
        self._pending += line + "\n"
        try:
            found = parse(self._pending, self._first)
        except LineError as error:
            if error.incomplete:
                return []
            self._pending = ""
            raise
        self._pending = ""
        return found

    def close(self) -> None:
        """Raise LineError if the last lines were left open."""
        if self._pending:
            parse(self._pending, self._first)


@define
class _Parser:
    """Reads one text from left to right; `at` is the place of the next character."""

    text: str
    line: int
    at: int = 0
    _words: list[str] = field(factory=list)
    _redirects: dict[str, tuple[Path, bool]] = field(factory=dict)
    _system: str = ""

    def statements(self) -> Iterator[Statement]:
        while self.at < len(self.text):
            start, line = self.at, self.line
            end, pipe = self._read_statement()
            if self._system:
                yield self._make(start, line, end, "")
                self._system = ""
                continue
            if not self._words:
                if end in ("", "\n") and not self._redirects and not pipe:
                    continue
                raise LineError(f"nothing stands before {(end if not pipe else '|')!r}", line)
            yield self._make(start, line, end, pipe)
            self._words, self._redirects = [], {}

    def _make(self, start: int, line: int, end: str, pipe: str) -> Statement:
        target, append = self._redirects.get(">", (None, False))
        source, _ = self._redirects.get("<", (None, False))
        leading = len(self.text[start:]) - len(self.text[start:].lstrip(_BLANK))
        skipped = self.text[start : start + leading].count("\n")
        return Statement(
            words=tuple(self._words),
            line=line + skipped,
            text=self.text[start : self.at].strip(_BLANK + ";"),
            source=source,
            target=target,
            append=append,
            pipe=pipe,
            system=self._system,
            background=end == "&",
        )

    def _read_statement(self) -> tuple[str, str]:
        """Read up to and over the end of a statement; returns what ended it, and the text of a
        pipe.
        """
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in "\n;&":
                self._refuse_doubled(char)
                self._skip()
                return char, ""
            if char == "|":
                self._refuse_doubled(char)
                self._skip()
                return self._read_system("|")
            if char == "!" and not (self._words or self._redirects):
                self._skip()
                end, self._system = self._read_system("!")
                return end, ""
            if char in "<>":
                self._read_redirect()
            elif char in _BLANK:
                self._skip()
            elif char == "#":
                self._skip_comment()
            elif self._joins_lines():
                self._skip(2)
            else:
                self._words.append(self._read_word())
        return "", ""

    def _refuse_doubled(self, char: str) -> None:
        if char in "&|" and self.text[self.at : self.at + 2] == char * 2:
            hint = "put the commands on lines of their own: a script stops at the first that fails"
            raise LineError(f"{char * 2!r} is not understood here", self.line, hint=hint)

    def _skip(self, count: int = 1) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count

    def _skip_comment(self) -> None:
        end = self.text.find("\n", self.at)
        self.at = len(self.text) if end < 0 else end

    def _joins_lines(self) -> bool:
        if self.text[self.at] != "\\":
            return False
        if self.at + 1 == len(self.text):
            raise LineError("a backslash ends the line", self.line, incomplete=True)
        if self.text[self.at + 1] != "\n":
            return False
        if self.at + 2 == len(self.text):
            raise LineError("a backslash ends the line", self.line, incomplete=True)
        return True

    def _read_word(self) -> str:
        pieces: list[str] = [self._read_tilde()]
        while self.at < len(self.text) and self.text[self.at] not in _BLANK + _SPECIAL:
            char = self.text[self.at]
            if char == "'":
                pieces.append(self._read_single())
            elif char == '"':
                pieces.append(self._read_double())
            elif self._joins_lines():
                self._skip(2)
            elif char == "\\":
                pieces.append(self.text[self.at + 1])
                self._skip(2)
            else:
                pieces.append(char)
                self._skip()
        return "".join(pieces)

    def _read_tilde(self) -> str:
        if self.text[self.at] == "~" and self.text[self.at + 1 : self.at + 2] in (
            "",
            "/",
            *_BLANK,
            *_SPECIAL,
        ):
            self._skip()
            return os.path.expanduser("~")  # noqa: PTH111  # Path.home() raises where this stays quiet
        return ""

    def _read_single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise LineError("a single quote is not closed", self.line, incomplete=True)
        inside = self.text[self.at + 1 : end]
        self._skip(end + 1 - self.at)
        return inside

    def _read_double(self) -> str:
        pieces: list[str] = []
        opened = self.line
        self._skip()
        while self.at < len(self.text):
            char = self.text[self.at]
            following = self.text[self.at + 1 : self.at + 2]
            if char == '"':
                self._skip()
                return "".join(pieces)
            if char == "\\" and following and following in '"\\\n':
                pieces.append(following.strip("\n"))
                self._skip(2)
            else:
                pieces.append(char)
                self._skip()
        raise LineError("a double quote is not closed", opened, incomplete=True)

    def _read_redirect(self) -> None:
        kind: Literal["<", ">"] = "<" if self.text[self.at] == "<" else ">"
        append = self.text[self.at : self.at + 2] == ">>"
        self._skip(2 if append else 1)
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self._skip()
        if self.at == len(self.text) or self.text[self.at] in _BLANK + _SPECIAL + "#":
            raise LineError(f"no file is named after {kind * (1 + append)!r}", self.line)
        if kind in self._redirects:
            raise LineError(f"{kind!r} stands twice in one statement", self.line)
        self._redirects[kind] = (Path(self._read_word()), append)

    def _read_system(self, mark: str) -> tuple[str, str]:
        """Take what follows a mark as it stands, for the system's shell to read; returns what ended
        it, too.
        """
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in "\n;":
            if self._ends_in_background():
                break
            if self.text[self.at] == "'":
                self._read_single()
            elif self.text[self.at] == '"':
                self._read_double()
            else:
                self._skip(2 if self._escapes() else 1)
        command = self.text[start : self.at].strip()
        if not command:
            raise LineError(f"no system command is named after {mark!r}", self.line)
        end = self.text[self.at : self.at + 1]
        self._skip(len(end))
        return end, command

    def _ends_in_background(self) -> bool:
        # `2>&1` and `&&` are the system shell's own.
        char, before = self.text[self.at], self.text[self.at - 1]
        after = self.text[self.at + 1 : self.at + 2]
        return char == "&" and before not in ">&" and after != "&"

    def _escapes(self) -> bool:
        if self.text[self.at] != "\\":
            return False
        if self.text[self.at + 1 :] in ("", "\n"):
            raise LineError("a backslash ends the line", self.line, incomplete=True)
        return True
