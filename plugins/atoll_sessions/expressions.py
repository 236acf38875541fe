"""The languages of `--filter` and `--order`, checked before a request is made.

    email ilike "%@lab.org" & (role == "admin" | !is_active == true)
    -created_at,email

A comparison is `field operator value`; `&` and `|` have the same precedence; `!` negates what
follows. The cluster would also refuse a mistake, but its parser's message is hard to read; the
error raised here gives the position.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from attrs import define, field, frozen

from atoll import UsageError, Values

_SIGNS = ("==", "!=", ">", ">=", "<", "<=")
_WORDS = ("contains", "in", "is", "isnot", "like", "ilike")
_CONSTANTS = {"null": None, "true": True, "false": False}
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>[+-]?\d+(?:\.\d+)?(?![\w.]))
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>==|!=|>=|<=|[><&|!()\[\],])""",
    re.VERBOSE,
)
_UNREADABLE = {
    '"': "this text has no closing quote",
    "'": "write texts in double quotes",
    "=": "can't read '='; == compares",
}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"\s*")


Constant: TypeAlias = str | float | bool | None


@frozen
class Comparison:
    """A field, an operator, and the value or values to compare it with."""

    field: str
    operator: str
    value: Constant | Sequence[Constant]


Step: TypeAlias = Comparison | str


@frozen
class _Token:
    kind: str
    text: str
    at: int

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs


def check_filter(text: str, fields: Sequence[str] | None = None) -> None:
    """Check a filter over these fields, or any; raises UsageError with the mistake's position."""
    parse_filter(text, fields)


def parse_filter(text: str, fields: Sequence[str] | None = None) -> Sequence[Step]:
    """Return the steps of a filter; operands come before their operator. A step is a comparison, or
    `&`, `|` or `!`, which apply to the last two results or the last one. Raises UsageError with the
    mistake's position.
    """
    parser = _Parser(_tokens(text), fields)
    parser.expression()
    if parser.next.kind != "end":
        raise parser.unexpected("& or |")
    return parser.steps


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


def filter_values(fields: Sequence[str]) -> Values:
    """Return the click type of a filter over these fields; it completes filters word by word."""
    return Values(lambda typed: _next_words(typed, fields))


def _next_words(typed: str, fields: Sequence[str]) -> Sequence[str]:
    """Return the words that can follow in a filter; none inside a quoted text."""
    wanted, at = "field", _skip(typed, 0)
    while at < len(typed):
        match = _TOKEN.match(typed, at)
        if match is None:
            return ()
        if match.lastgroup == "word" and match.end() == len(typed):
            break  # the user is still typing it
        wanted, at = _wanted_after(wanted, match[0]), _skip(typed, match.end())
    begun = typed[:at]
    if wanted == "join" and begun[-1:] != " ":
        begun += " "
    words = {"field": fields, "operator": (*_SIGNS, *_WORDS), "join": ("&", "|")}
    if wanted == "value":
        return [begun + word for word in _CONSTANTS]
    return [f"{begun}{word} " for word in words.get(wanted, ())]


def _wanted_after(wanted: str, piece: str) -> str:
    """Return what may follow a piece of a filter that stands where `wanted` was expected."""
    if wanted == "field":
        return "field" if piece in {"!", "("} else "operator"
    if wanted == "operator":
        return "value"
    if piece in {"&", "|"}:
        return "field"
    return "list" if piece != "]" and (piece == "[" or wanted == "list") else "join"


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
    steps: list[Step] = field(factory=list)

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
        """Read comparisons that are joined, negated or nested in parentheses to any depth."""
        # For each open parenthesis, the operators that apply to the next operand once it is
        # complete.
        waiting: list[list[str]] = [[]]
        while True:
            while self.next.is_sign("!", "("):
                if self.take().text == "(":
                    waiting.append([])
                else:
                    waiting[-1].append("!")
            self.comparison()
            self._finish(waiting[-1])
            while len(waiting) > 1 and self.next.is_sign(")"):
                self.take()
                waiting.pop()
                self._finish(waiting[-1])
            if not self.next.is_sign("&", "|"):
                break
            waiting[-1].append(self.take().text)
        if len(waiting) > 1:
            raise self.unexpected(")")

    def _finish(self, waiting: list[str]) -> None:
        while waiting:
            self.steps.append(waiting.pop())

    def comparison(self) -> None:
        if self.next.kind != "word":
            raise self.unexpected("a field")
        if self.fields is not None and self.next.text not in self.fields:
            raise _unknown_field("--filter", self.next, self.fields)
        name = self.take().text
        if self.next.text not in {*_SIGNS, *_WORDS}:
            raise self.unexpected(f"one of {' '.join((*_SIGNS, *_WORDS))}")
        operator = self.take().text
        if operator == "in" and not self.next.is_sign("["):
            raise self.unexpected("a list, as in [1, 2]")
        self.steps.append(Comparison(name, operator, self.value()))

    def value(self) -> Constant | Sequence[Constant]:
        if not self.next.is_sign("["):
            return self.constant()
        self.take()
        found = []
        while not self.next.is_sign("]"):
            found.append(self.constant())
            if not self.next.is_sign("]"):
                self.expect(",")
        self.take()
        return found

    def constant(self) -> Constant:
        token = self.next
        if token.kind == "word" and token.text not in _CONSTANTS:
            raise self.unexpected(f'a value, as in "{token.text}"')
        if token.kind not in {"string", "number", "word"}:
            raise self.unexpected("a value")
        self.take()
        if token.kind == "string":
            return _ESCAPED.sub(r"\1", token.text[1:-1])
        return float(token.text) if token.kind == "number" else _CONSTANTS[token.text]


def _unknown_field(option: str, token: _Token, fields: Sequence[str] | None) -> UsageError:
    what = f"unknown field {token.text!r}" if token.text else "expected a field"
    return _mistake(option, token.at, what, f"known: {', '.join(fields)}" if fields else "")


def _mistake(option: str, at: int, what: str, hint: str = "") -> UsageError:
    return UsageError(f"{option}, character {at + 1}: {what}", hint=hint)
