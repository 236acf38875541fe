"""The filter language of lists, compiled to SQL with bound values.

    name ilike "train%" & (status == "RUNNING" | created_at > "2026-01-01")

A comparison is `field operator value`. `&` and `|` have the same precedence, from left to right;
`!` negates the next term. An invalid filter raises :class:`FilterError`, whose text says where.
"""

import re
from collections.abc import Mapping, Sequence

from attrs import define, frozen

from atoll_cluster.api.gql.columns import Column, FilterError, Value, check
from atoll_cluster.api.request.safe_json import JsonError, read_json

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>==|!=|>=|<=|[><&|!()\[\],])
    )""",
    re.VERBOSE,
)
_SIGNS = {"==": "=", "!=": "!=", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_WORDS = frozenset({"contains", "in", "is", "isnot", "like", "ilike"})
_CONSTANTS: Mapping[str, Value] = {"null": None, "true": True, "false": False}
_MAX_DEPTH = 50
_MOST_PARENTHESES = 25
_LONGEST = 32 * 1024
_LONGEST_PATTERN = 1000
_MOST_TERMS = 200
_MOST_VALUES = 1000
"""The most parentheses, characters, terms and values of a filter, well below SQLite's limits."""


@frozen
class Clause:
    """A condition in SQL and its values."""

    sql: str
    values: tuple[Value, ...] = ()
    depth: int = 0
    """The depth of nested parentheses; SQLite accepts at most some hundred levels."""

    def within(self, form: str) -> "Clause":
        """Insert the condition into `form`, in parentheses; raises FilterError if too deep."""
        if self.depth >= _MOST_PARENTHESES:
            raise FilterError("the filter is nested too deeply")
        return Clause(f"({form.format(self.sql)})", self.values, self.depth + 1)


def compile_filter(text: str, columns: Mapping[str, Column]) -> Clause:
    """Compile a filter over these columns; an empty filter matches all rows."""
    if not text.strip():
        return Clause("1")
    if len(text) > _LONGEST:
        raise FilterError(f"a filter has at most {_LONGEST} characters")
    parser = _Parser(_tokenize(text), columns)
    clause = parser.expression(0)
    if parser.position < len(parser.tokens):
        raise FilterError(f"unexpected {parser.peek()[1]!r} in the filter")
    return clause


def _tokenize(text: str) -> list[tuple[str, str]]:
    tokens = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError(f"cannot read the filter at {text[position:].strip()[:20]!r}")
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


@define
class _Parser:
    """Reads tokens from left to right, with one method for each rule of the grammar."""

    tokens: Sequence[tuple[str, str]]
    columns: Mapping[str, Column]
    position: int = 0
    terms: int = 0
    values: int = 0

    def peek(self) -> tuple[str, str]:
        """Return the next token, or an empty one at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        """Return the next token, and advance."""
        token = self.peek()
        self.position += 1
        return token

    def expect(self, sign: str) -> None:
        """Read a sign; raises FilterError if the next token is another one."""
        found = self.take()[1]
        if found != sign:
            raise FilterError(f"expected {sign!r} in the filter, not {found!r}")

    def expression(self, depth: int) -> Clause:
        """Read terms joined by `&` and `|`."""
        if depth > _MAX_DEPTH:
            raise FilterError("the filter is nested too deeply")
        clause, before = self.term(depth), ""
        while self.peek()[1] in {"&", "|"} and self.peek()[0] == "sign":
            joint = "AND" if self.take()[1] == "&" else "OR"
            left = clause if before in {"", joint} else clause.within("{}")
            right, before = self.term(depth), joint
            sql, values = f"{left.sql} {joint} {right.sql}", left.values + right.values
            clause = Clause(sql, values, max(left.depth, right.depth))
        return clause.within("{}") if before else clause

    def term(self, depth: int) -> Clause:
        """Read a negation, a group or a comparison."""
        kind, text = self.peek()
        if (kind, text) == ("sign", "!"):
            self.take()
            if depth > _MAX_DEPTH:
                raise FilterError("the filter is nested too deeply")
            return self.term(depth + 1).within("NOT {}")
        if (kind, text) == ("sign", "("):
            self.take()
            clause = self.expression(depth + 1)
            self.expect(")")
            return clause
        return self.comparison()

    def comparison(self) -> Clause:
        """Read `field operator value`."""
        self.terms += 1
        if self.terms > _MOST_TERMS:
            raise FilterError(f"a filter has at most {_MOST_TERMS} terms")
        kind, name = self.take()
        if kind != "word":
            raise FilterError(f"expected a field in the filter, not {name!r}")
        if name not in self.columns:
            raise FilterError(f"Unknown/unsupported field name: {name}")
        operator = self.take()[1]
        if operator not in _SIGNS and operator not in _WORDS:
            raise FilterError(f"unknown operator {operator!r} in the filter")
        return _compare(name, self.columns[name], operator, self.value())

    def value(self) -> Value | list[Value]:
        """Read a constant or an array of them."""
        if self.peek() != ("sign", "["):
            return self.constant()
        self.take()
        found: list[Value] = []
        while self.peek()[1] != "]":
            found.append(self.constant())
            if self.peek()[1] != "]":
                self.expect(",")
        self.take()
        return found

    def constant(self) -> Value:
        """Read a text, a number, `null`, `true` or `false`."""
        kind, text = self.take()
        self.values += 1
        if self.values > _MOST_VALUES:
            raise FilterError(f"a filter has at most {_MOST_VALUES} values")
        if kind == "string":
            return _unquote(text)
        if kind == "number":
            return _number(text)
        if kind == "word" and text in _CONSTANTS:
            return _CONSTANTS[text]
        raise FilterError(f"expected a value in the filter, not {text!r}")


def _unquote(text: str) -> str:
    try:
        return str(read_json(text, strict=False))
    except JsonError as error:
        raise FilterError(f"cannot read the text {text[:40]}: {error}") from error


def _number(text: str) -> Value:
    try:
        found: int | float = read_json(text)
    except JsonError as error:
        raise FilterError(f"cannot read the number {text[:40]}: {error}") from error
    return found


def _compare(name: str, column: Column, operator: str, value: Value | list[Value]) -> Clause:
    if isinstance(value, list) != (operator == "in"):
        raise FilterError(f"{name}: {operator} {'needs' if operator == 'in' else 'takes no'} array")
    if not column.is_list:
        return _condition(column.condition, name, column, operator, value)
    inner = _condition("value", name, column, "==" if operator == "contains" else operator, value)
    return Clause(
        # S608: the column is an expression of this program; the value is bound.
        f"EXISTS (SELECT 1 FROM json_each({column.sql}) WHERE {inner.sql})",  # noqa: S608
        inner.values,
    )


def _condition(
    sql: str, name: str, column: Column, operator: str, value: Value | list[Value]
) -> Clause:
    if isinstance(value, list):
        marks = ", ".join("?" * len(value))
        return Clause(f"{sql} IN ({marks})", tuple(check(name, column, one) for one in value))
    if operator in {"like", "ilike", "contains"}:
        return _pattern(sql, name, operator, value)
    if operator in {"is", "isnot"} or value is None:
        negation = " NOT" if operator in {"isnot", "!="} else ""
        return Clause(f"{sql} IS{negation} ?", (check(name, column, value),))
    return Clause(f"{sql} {_SIGNS[operator]} ?", (check(name, column, value),))


def _pattern(sql: str, name: str, operator: str, value: Value) -> Clause:
    if not isinstance(value, str):
        raise FilterError(f"{name}: {operator} needs a text")
    if len(value.encode()) > _LONGEST_PATTERN:
        raise FilterError(f"{name}: a pattern has at most {_LONGEST_PATTERN} bytes")
    if operator == "contains":
        return Clause(f"instr({sql}, ?) > 0", (value,))
    if operator == "ilike":
        return Clause(f"{sql} LIKE ? ESCAPE '\\'", (value,))
    # SQLite's LIKE ignores case. GLOB does not, but it has other wildcards.
    glob = re.sub(r"[*?\[]", r"[\g<0>]", value).replace("%", "*").replace("_", "?")
    return Clause(f"{sql} GLOB ?", (glob,))
