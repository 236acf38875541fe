"""The languages of `--filter` and `--order`, checked before a request is made.

    email ilike "%@lab.org" & (role == "admin" | !is_active == true)
    -created_at,email

A comparison is `field operator value`; `&` and `|` bind alike; `!` negates what follows. The
cluster would refuse a mistake too, in its own parser's words; here the position is told.
"""

import re
from collections.abc import Sequence

from attrs import define, frozen

from atoll import UsageError

_SIGNS = ("==", "!=", ">", ">=", "<", "<=")
_WORDS = ("contains", "in", "is", "isnot", "like", "ilike")
_CONSTANTS = ("null", "true", "false")
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>==|!=|>=|<=|[><&|!()\[\],])""",
    re.VERBOSE,
)
_UNREADABLE = {
    '"': "this text has no end",
    "'": "texts stand in double quotes",
    "=": "can't read '='; == compares",
}
_SPACE = re.compile(r"\s*")


@frozen
class _Token:
    kind: str
    text: str
    at: int

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def check_filter(text: str, fields: Sequence[str] | None = None) -> None:
    """Check a filter over these fields, or any; raises UsageError with the mistake's position."""
    parser = _Parser(_tokens(text), fields)
    parser.expression()
    if parser.next.kind != "end":
        raise parser.unexpected("& or |")


def check_order(text: str, fields: Sequence[str] | None = None) -> None:
    """Check an order, `-` before a field for descending; raises UsageError like a filter."""
    at = 0
    for part in text.split(","):
        name = part.strip()
        start = at + len(part) - len(part.lstrip())
        if name[:1] in {"+", "-"}:
            name, start = name[1:], start + 1
        if not name or (fields is not None and name not in fields):
            raise _unknown_field("--order", _Token("word", name, start), fields)
        at += len(part) + 1


def _tokens(text: str) -> list[_Token]:
    found = []
    at = _skip(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = _UNREADABLE.get(text[at], f"can't read {text[at]!r}")
            raise _mistake("--filter", at, what)
        found.append(_Token(match.lastgroup or "", match[0], at))
        at = _skip(text, match.end())
    return [*found, _Token("end", "", len(text.rstrip()))]


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


@define
class _Parser:
    """Reads tokens from left to right, one method for each rule of the language."""

    tokens: Sequence[_Token]
    fields: Sequence[str] | None
    position: int = 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.position]

    def take(self) -> _Token:
        token = self.next
        self.position += token.kind != "end"
        return token

    def unexpected(self, wanted: str) -> UsageError:
        found = repr(self.next.text) if self.next.text else "the end"
        return _mistake("--filter", self.next.at, f"expected {wanted}, not {found}")

    def expect(self, sign: str) -> None:
        if not self.next.is_sign(sign):
            raise self.unexpected(sign)
        self.take()

    def expression(self) -> None:
        """Read comparisons, joined, negated and in parentheses of any depth."""
        depth = 0
        while True:
            while self.next.is_sign("!", "("):
                depth += self.take().text == "("
            self.comparison()
            while depth and self.next.is_sign(")"):
                self.take()
                depth -= 1
            if not self.next.is_sign("&", "|"):
                break
            self.take()
        if depth:
            raise self.unexpected(")")

    def comparison(self) -> None:
        if self.next.kind != "word":
            raise self.unexpected("a field")
        if self.fields is not None and self.next.text not in self.fields:
            raise _unknown_field("--filter", self.next, self.fields)
        self.take()
        if self.next.text not in {*_SIGNS, *_WORDS}:
            raise self.unexpected(f"one of {' '.join((*_SIGNS, *_WORDS))}")
        operator = self.take().text
        if operator == "in" and not self.next.is_sign("["):
            raise self.unexpected("a list, as in [1, 2]")
        self.value()

    def value(self) -> None:
        if not self.next.is_sign("["):
            self.constant()
            return
        self.take()
        while not self.next.is_sign("]"):
            self.constant()
            if not self.next.is_sign("]"):
                self.expect(",")
        self.take()

    def constant(self) -> None:
        token = self.next
        if token.kind == "word" and token.text not in _CONSTANTS:
            raise self.unexpected(f'a value, as in "{token.text}"')
        if token.kind not in {"string", "number", "word"}:
            raise self.unexpected("a value")
        self.take()


def _unknown_field(option: str, token: _Token, fields: Sequence[str] | None) -> UsageError:
    what = f"unknown field {token.text!r}" if token.text else "expected a field"
    return _mistake(option, token.at, what, f"known: {', '.join(fields)}" if fields else "")


def _mistake(option: str, at: int, what: str, hint: str = "") -> UsageError:
    return UsageError(f"{option}, character {at + 1}: {what}", hint=hint)
