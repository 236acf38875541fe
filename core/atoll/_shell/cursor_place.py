"""Finds the place of the cursor in a line, for completion."""

import re
from typing import Literal

from attrs import evolve, frozen

from atoll._shell.lines import State, last_statement
from atoll._tokens import Kind, Token, Tokenizer, command_words, scan, statements

_VARIABLE = re.compile(r"\$(?:\{?[A-Za-z_][\w.]*|\{)?\Z")
"""A variable whose name is not complete yet."""

_SHELL_PIECE = re.compile(
    r"""(?P<redirect>[<>]++&?)
      | (?P<mark>[|&;()`\n])
      | (?P<word>(?: [^\s|&;()<>`'"\\]++ | \\. | \\\Z
                   | '[^']*+(?:'|\Z) | "(?:[^"\\]++|\\.)*+(?:"|\\?\Z) )++)""",
    re.VERBOSE | re.DOTALL,
)
"""The parts of a command for the system's shell, precise enough to complete its words."""
_ASSIGNMENT = re.compile(r"\w+=")


@frozen
class CursorPlace:
    """The place of the cursor: the finished words of its statement, the piece before it, and the
    words to its right.

    `piece` is None if nothing of the next word was typed yet. `kind` says what that word will be,
    `program` for the first word of a system command, `variable` for a `$` with its name. `raw` is
    the piece as it was typed.
    """

    words: tuple[str, ...]
    kind: Kind | Literal["program", "variable"]
    piece: Token | None
    raw: str = ""
    right: tuple[str, ...] = ()
    around: str = ""
    """The quote around the whole line, which is a word of another line, as after `watch`."""

    @property
    def typed(self) -> str:
        """The meaning of the piece so far."""
        return self.piece.value if self.piece else ""


def place(before: str, after: str = "") -> CursorPlace:
    """Return the place of a cursor that has `before` on its left, and `after` on its right."""
    where = _place(*last_statement(before), after)
    if where.kind == "system":
        where = _within_system(where.raw[1:])
    if variable := _variable(where):
        return evolve(where, kind="variable", piece=variable, raw=variable.value)
    return where


def within_quotes(where: CursorPlace) -> CursorPlace | None:
    """Return the place in the line that a word with an open quote holds; None for other words."""
    piece = where.piece
    if piece is None or piece.quote not in ("'", '"') or where.raw != piece.quote + piece.value:
        return None
    return evolve(place(piece.value), around=piece.quote)


def _within_system(command: str) -> CursorPlace:
    """Return the place of a cursor at the end of a command of the system's shell."""
    kind: Literal["program", "file"] = "program"
    for piece in _SHELL_PIECE.finditer(command):
        word = piece["word"]
        if word and piece.end() == len(command):
            return CursorPlace((), kind, next(scan(word), None), word)
        if word and not (kind == "program" and _ASSIGNMENT.match(word)):
            kind = "file"
        elif not word:
            kind = "file" if piece["redirect"] else "program"
    return CursorPlace((), kind, None)


def _variable(where: CursorPlace) -> Token | None:
    """Return the unfinished variable at the end of a piece, as a piece of its own."""
    if where.piece is None or where.piece.quote in ("'", "\\") or where.kind == "comment":
        return None
    found = _VARIABLE.search(where.raw)
    if found is None or where.raw[: found.start()].endswith("\\"):
        return None
    return Token("word", where.piece.start + found.start(), where.piece.end, found[0])


def _place(state: State, before: str, after: str) -> CursorPlace:
    *_, pieces = statements(Tokenizer.resumed(state).read(before))
    right = command_words(next(statements(scan(after))))
    last = pieces[-1] if pieces else None
    if last is not None and (last.end == len(before) or last.quote) and last.kind != "redirect":
        return CursorPlace(command_words(pieces[:-1]), last.kind, last, before[last.start :], right)
    if last is not None and last.kind == "system":
        return CursorPlace((), "system", last, before[last.start :])
    kind: Kind = "file" if last is not None and last.kind == "redirect" else "word"
    return CursorPlace(command_words(pieces), kind, None, right=right)
