"""The grammar of a line, the same at the prompt, after `-c`, in a script and on standard input.

A line holds statements separated by `;`, `&` or the end of the line, or joined by `&&` and `||`. A
statement is words, with what follows them: `< file`, `> file`, `>> file`, or `| system command`; or
it is `! system command`, `let NAME = VALUE`, or `for NAME in VALUES { statements }`. `&` runs a
statement in the background. Words are quoted as in POSIX shells: single quotes keep everything,
double quotes keep all but variables and a backslash before `"`, `$` or another backslash, a
backslash outside quotes keeps the next character, one before the end of the line joins lines, `#`
at the start of a word begins a comment, `~` at the start of a word is the home folder. `$NAME`,
`$NAME.FIELD`, `${NAME}` and `$?` are variables; every other `$` stands for itself.
"""

import os
import re
from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, field

from atoll._syntax import AndOr, For, Jump, Let, LineError, Node, SimpleCommand
from atoll._tokens import BLANK, PASTED, Token, Tokenizer
from atoll._words import Word

_OPEN = {
    "'": "a single quote is not closed",
    '"': "a double quote is not closed",
    "`": "a backquote is not closed",
    "\\": "a backslash ends the line",
    "(": "a parenthesis is not closed",
    "$(": "a parenthesis is not closed",
    "((": "a parenthesis is not closed",
    "()": "a parenthesis is not closed",
    "{": "a brace is not closed",
    "${": "a brace is not closed",
    "if": "the system command has an 'if' without its 'fi'",
    "do": "the system command has a loop without its 'done'",
    "case": "the system command has a 'case' without its 'esac'",
    "<<": "a here-document does not end",
    "&&": "a command is missing after '&&'",
    "||": "a command is missing after '||'",
}
_FOR = "for is written so: for NAME in VALUES { … }"
_LET = "let is written so: let NAME = VALUE"
_FIRST = re.compile(r"first(?![^\s;&|])")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = ("let", "for", "break", "continue")
_DEEPEST = 20
"""How deeply blocks may be nested."""

Piece = Token | SimpleCommand


def parse(text: str, line: int = 1) -> list[Node]:
    """Parse a text whose first line has the number `line`; raises LineError."""
    if (at := text.find("\0")) >= 0:
        # Neither a path, nor a variable, nor an argument of a program can contain one.
        raise LineError("a line can't hold a NUL character", line + text.count("\n", 0, at))
    return _Parser(text, line).parse()


@define
class Assembler:
    """Parses lines as they arrive, and joins lines that belong to one statement."""

    _lines: list[str] = field(factory=list)
    _first: int = 1
    _count: int = 0
    _tokenizer: Tokenizer = field(factory=Tokenizer)

    def feed(self, line: str) -> list[Node]:
        """Add a line, without its line break; returns the statements that are complete now. Raises
        LineError.
        """
        self._count += 1
        if not self._lines:
            self._first = self._count
        self._lines.append(line + "\n")
        for _ in self._tokenizer.read(self._lines[-1]):
            pass
        return [] if self._tokenizer.open else self._take()

    def _take(self) -> list[Node]:
        text, self._lines = "".join(self._lines), []
        return parse(text, self._first)

    def close(self) -> None:
        """Raise LineError if the last statement is incomplete."""
        if self._lines:
            self._take()


@define
class _Block:
    """The statements of a block that are complete, and the one that is being parsed.

    `header` is the text of the statement before the block. `made` is a `for` that has just been
    completed. `chain` holds statements that are joined to the next one by `mark`, which is `&&` or
    `||`.
    """

    within: str = ""
    nodes: list[Node] = field(factory=list)
    pieces: list[Piece] = field(factory=list)
    made: Node | None = None
    chain: list[tuple[str, Node]] = field(factory=list)
    mark: str = ""
    start: int = 0
    line: int = 1
    header: str = ""
    chain_start: int = 0


@define
class _Parser:
    """Makes statements from the tokens of a text; `line` is the line number at the
    position `_at`.
    """

    text: str
    line: int
    _at: int = 0
    _blocks: list[_Block] = field(factory=lambda: [_Block()])

    def parse(self) -> list[Node]:
        tokenizer, first = Tokenizer(), self.line
        for token in tokenizer.read(self.text):
            if not token.quote:
                self._take(token)
        if tokenizer.open:
            line = first + self.text.count("\n", 0, tokenizer.since)
            raise LineError(_OPEN[tokenizer.open], line, incomplete=True)
        self._finish("", len(self.text))
        return self._blocks[0].nodes

    def _take(self, token: Token) -> None:
        if token.kind == "end":
            self._finish(token.value, token.start)
        elif token.kind == "close":
            self._close(token)
        elif token.kind == "open":
            self._open(token)
        elif token.kind != "comment":
            self._begin(token)
            self._blocks[-1].pieces.append(token)

    def _begin(self, token: Token) -> None:
        """Note the beginning of a statement."""
        block = self._blocks[-1]
        if block.pieces:
            return
        block.start, block.line = token.start, self._line_at(token.start)
        if block.made:
            raise LineError("a ';' or a new line is missing after '}'", block.line)
        if not block.chain:
            block.chain_start = token.start

    def _line_at(self, at: int) -> int:
        """Return the number of a line; positions must be requested from left to right."""
        self.line += self.text.count("\n", self._at, at)
        self._at = at
        return self.line

    def _open(self, token: Token) -> None:
        line, outer = self._line_at(token.start), self._blocks[-1]
        outer.header = self._text(outer.start, token.start)
        if len(self._blocks) > _DEEPEST:
            raise LineError(f"more than {_DEEPEST} levels of blocks are nested", line)
        self._blocks.append(_Block(token.value, line=line))

    def _close(self, token: Token) -> None:
        self._finish("", token.start)
        inner = self._blocks.pop()
        outer = self._blocks[-1]
        if token.value == "}":
            outer.made, outer.pieces = self._for(outer, inner.nodes), []
        elif len(inner.nodes) == 1 and isinstance(inner.nodes[0], SimpleCommand):
            _check_first(inner.nodes[0])
            outer.pieces.append(inner.nodes[0])
        else:
            raise LineError("there must be one command between '$(' and ')'", inner.line)

    def _finish(self, mark: str, at: int) -> None:
        """End the statement before a mark at this position, and add its node to the block."""
        block = self._blocks[-1]
        node = block.made or self._node(block, mark, at)
        if node is None:
            if mark not in ("", "\n"):
                raise LineError(f"a command is missing before {mark!r}", self._line_at(at))
            if block.mark and not mark:
                raise LineError(_OPEN[block.mark], block.line)
            return
        block.chain.append((block.mark, node))
        block.pieces, block.made = [], None
        block.mark = mark if mark in ("&&", "||") else ""
        if not block.mark:
            text = self._text(block.chain_start, at + (mark == "&"))
            block.nodes.append(_joined(block.chain, text, background=mark == "&"))
            block.chain = []

    def _text(self, start: int, end: int) -> str:
        return self.text[start:end].strip(BLANK + ";")

    def _node(self, block: _Block, mark: str, at: int) -> Node | None:
        """Make a node from the tokens of a statement; None if there are none."""
        if not block.pieces:
            return None
        pieces = block.pieces = self._without_pasted(block.pieces)
        text = self._text(block.start, at)
        keyword, takes = self._raw(pieces, 0), len(pieces) > 1
        if keyword in ("let", "for") and takes and not self._raw(pieces, 1).startswith("-"):
            if keyword == "for":
                raise LineError(_FOR, block.line)
            return self._let(block, mark, text)
        if keyword in ("break", "continue"):
            if takes or not any(one.within == "{" for one in self._blocks):
                raise LineError(
                    f"{keyword!r} must be a statement of its own, between the braces of a 'for'",
                    block.line,
                )
            return Jump(word=keyword, line=block.line, text=text)
        return self._simple(pieces, block.line, text, mark)

    def _raw(self, pieces: Sequence[Piece], place: int) -> str:
        """Return a word as it is written; empty if the token is no word."""
        piece = pieces[place] if place < len(pieces) else None
        if isinstance(piece, Token) and piece.kind == "word":
            return self.text[piece.start : piece.end]
        return ""

    def _without_pasted(self, pieces: list[Piece]) -> list[Piece]:
        """Remove a pasted `$` or program name before a keyword."""
        at = 0
        while self._raw(pieces, at) in PASTED:
            at += 1
        return pieces[at:] if self._raw(pieces, at) in _KEYWORDS else pieces

    def _name(self, block: _Block, usage: str, joint: str) -> str:
        """Return the name after a keyword; it must be followed by `joint`."""
        name = self._raw(block.pieces, 1)
        if not _NAME.fullmatch(name) or self._raw(block.pieces, 2) != joint:
            raise LineError(usage, block.line)
        return name

    def _let(self, block: _Block, mark: str, text: str) -> Let:
        name = self._name(block, _LET, "=")
        if len(block.pieces) == 3:
            raise LineError(_LET, block.line, hint="'' is an empty text")
        value = self._simple(block.pieces[3:], block.line, text, mark)
        _check_first(value)
        return Let(name=name, value=value, line=block.line, text=text)

    def _for(self, block: _Block, body: Sequence[Node]) -> For:
        block.pieces = self._without_pasted(block.pieces)
        name = self._name(block, _FOR, "in")
        pieces = block.pieces[3:]
        if not pieces or any(isinstance(one, Token) and one.kind != "word" for one in pieces):
            raise LineError(_FOR, block.line)
        values = (one if isinstance(one, SimpleCommand) else self._word(one) for one in pieces)
        return For(
            name=name, values=tuple(values), body=tuple(body), line=block.line, text=block.header
        )

    def _simple(self, pieces: Sequence[Piece], line: int, text: str, mark: str) -> SimpleCommand:
        tokens = [one for one in pieces if isinstance(one, Token)]
        first = tokens[-1].kind == "filter"
        if first:
            tokens.pop()
        files = self._files(tokens, line)
        system = self._system_command(tokens[-1], line) if tokens else ""
        words = tuple(self._word(token) for token in tokens if token.kind == "word")
        alone = bool(tokens) and tokens[0].kind == "system" and tokens[0].value.startswith("!")
        if not words and not alone:
            at = tokens[0].value[:1] if tokens else "|" if first else mark
            raise LineError(f"a command is missing before {at!r}", line)
        return SimpleCommand(
            words=words,
            line=line,
            text=text,
            source=files.get("<"),
            target=files.get(">") or files.get(">>"),
            append=">>" in files,
            pipe="" if alone else system,
            system=system if alone else "",
            first=first,
            quoted=bool(words) and self._raw(tokens, 0) != words[0],
        )

    def _files(self, tokens: Sequence[Token], line: int) -> dict[str, Word]:
        """Return the files after `<`, `>` and `>>`."""
        found: dict[str, Word] = {}
        for place, token in enumerate(tokens):
            if token.kind != "redirect":
                continue
            file = next(iter(tokens[place + 1 :]), None)
            if file is None or file.kind != "file":
                raise LineError(f"no file is named after {token.value!r}", line)
            if any(mark[0] == token.value[0] for mark in found):
                raise LineError(f"{token.value[0]!r} occurs twice in one statement", line)
            found[token.value] = self._word(file)
        return found

    def _system_command(self, token: Token, line: int) -> str:
        """Return the text after `|` or `!`, for the system's shell; empty for other tokens."""
        if token.kind != "system":
            return ""
        command = token.value[1:].strip()
        if not command:
            raise LineError(f"no system command is named after {token.value[0]!r}", line)
        return command

    def _word(self, token: Token) -> Word:
        """Return the meaning of a word, with `~` replaced by the home folder."""
        raw = self.text[token.start : token.end]
        if raw.startswith("$("):
            hint = "let NAME = COMMAND keeps the output of a command; single quotes keep the $"
            line = self.line + self.text.count("\n", self._at, token.start)
            raise LineError("'$(' is allowed only after 'for NAME in'", line, hint=hint)
        if raw == "~" or raw.startswith("~/"):
            home = os.path.expanduser("~")  # noqa: PTH111  # Path.home() raises without a home folder, this does not
            if token.parts:
                return (home, *_without_first_character(token.parts))
            return home + token.value[1:]
        return token.parts or token.value


def _check_first(value: SimpleCommand) -> None:
    """Raise LineError unless `| first` ends the value."""
    if _FIRST.match(value.pipe):
        raise LineError("nothing follows '| first'", value.line, hint="it ends a value")


def _without_first_character(parts: Sequence[Any]) -> Sequence[Any]:
    return (parts[0][1:], *parts[1:])


def _joined(chain: Sequence[tuple[str, Node]], text: str, *, background: bool) -> Node:
    """Make one node of statements that are joined by `&&` and `||`."""
    _, node = chain[0]
    if len(chain) == 1 and not background:
        return node
    if len(chain) == 1 and isinstance(node, SimpleCommand):
        return evolve(node, text=text, background=True)
    for _, one in chain if background else ():
        if isinstance(one, Let | Jump):
            what = one.word if isinstance(one, Jump) else "let"
            raise LineError(f"{what!r} has no effect in the background", one.line)
    return AndOr(parts=tuple(chain), line=node.line, text=text, background=background)
