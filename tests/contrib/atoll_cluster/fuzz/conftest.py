"""Requests that are nearly right: every route, its own parameters, and values of any kind."""

import importlib
import inspect
import json
import random
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from attrs import define, field, frozen
from graphql import GraphQLArgument, GraphQLField, GraphQLInputObjectType, get_named_type
from starlette.routing import Route, WebSocketRoute

from atoll_cluster.api.app import ROUTES
from atoll_cluster.api.gql.schema import schema

_PARAMETER = re.compile(
    r'\.(?:text|required|integer|boolean|mapping|sequence|get|has)\(\s*((?:"\w+",?\s*)+)'
)
_NAME = re.compile(r'"(\w+)"')
_DEEP = 3000
HALF = "\ud800"

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, 2**64, -(2**70), 10**400, 0.5, -1e300,
    "", " ", "0", "-1", "1e999", "NaN", "null", "²", "9" * 5000, "x" * 300, "x" * 70_000,
    "\0", "a\0b", "\x1b[31m", "a\nb\r\nSet-Cookie: x", HALF, "\udfff" + HALF, "✓é\u202e",
    "../../outside", "..", ".", "/", "//", "/etc/passwd", "a/../../../outside", "~", "%00",
    "%2e%2e%2f", "' OR 1=1 --", '"', "\\", "${HOME}", "$(id)", "`id`", "{}", "[]", "[" * 500,
    '{"a":' * 200, "0000-00-00", "99999999999-01-01", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "10000w", "+999999999w", "infinity",
    [], {}, [[]], [None], [1, "a", {}], {"a": {"b": [1]}}, {"": ""}, {HALF: 1}, ["x"] * 3000,
    {str(number): number for number in range(300)},
)  # fmt: skip
"""What no parameter expects, or most don't."""

MILD: tuple[Any, ...] = ("a", "1", "x-y.z", "true", 1, 2, 0, False)
"""What may be right by chance."""
SAME = {
    "f": "id",
    "s": "sessionId",
    "vfolder": "id",
    "vfolder_id": "id",
    "vfolderId": "id",
    "template_id": "id",
    "inv_id": "id",
    "taskId": "sessionId",
    "target_name": "name",
    "run_id": "runId",
}
"""What parameters are called in the answers that tell their values."""
_MOST_LEARNED = 20
_IDENTITIES = frozenset({"access_key", "secret_key", "email", "user", "user_email", "creator"})
"""What is not learned: who has lost the own keypair asks for nothing any more."""
GRAPHQL = ("/admin/gql", "/admin/graphql")
_ESCAPES = (
    "%00",
    "%1b",
    "%ff",
    "%c0%af",
    "%2f",
    "..",
    "%2e%2e",
    "%25",
    "%",
    "%zz",
    "+",
    "a" * 3000,
)


@frozen
class Request:
    """What is sent, as it stands on the wire but for who signs it."""

    method: str
    target: str
    content_type: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()
    is_socket: bool = False
    route: str = ""


@frozen
class Place:
    """A route with the parameters that its module reads."""

    path: str
    methods: tuple[str, ...]
    parameters: tuple[str, ...]
    is_socket: bool = False


@cache
def places() -> tuple[Place, ...]:
    """Return every route of the application."""
    return tuple(place for route in ROUTES for place in _places(route))


def _places(route: Any) -> Iterator[Place]:
    if isinstance(route, WebSocketRoute):
        served = inspect.getclosurevars(route.endpoint).nonlocals["serve"]
        yield Place(route.path, ("GET",), _parameters(served), is_socket=True)
    elif isinstance(route, Route):
        handler = inspect.getclosurevars(route.endpoint).nonlocals["handler"]
        yield Place(route.path, tuple(sorted(route.methods or ())), _parameters(handler))


def _parameters(handler: Any) -> tuple[str, ...]:
    """Return the names that a handler may read, as they stand in its module."""
    names = _read_by(handler.__module__)
    if handler.__module__.endswith((".create", ".start")):
        names += _read_of_a_session()
    return tuple(dict.fromkeys((*names, "owner_access_key")))


@cache
def _graphql_places() -> tuple[Place, ...]:
    return tuple(place for place in places() if place.path in GRAPHQL)


def _read_of_a_session() -> tuple[str, ...]:
    area = "atoll_cluster.api.sessions"
    return _read_by(f"{area}.creation") + _read_by(f"{area}.mounts")


@cache
def _read_by(module: str) -> tuple[str, ...]:
    text = inspect.getsource(importlib.import_module(module))
    found = (name for match in _PARAMETER.finditer(text) for name in _NAME.findall(match[1]))
    return tuple(dict.fromkeys(found))


@define
class Grammar:
    """Makes requests from a seed; `known` are right values by the names of parameters."""

    random: random.Random
    known: Mapping[str, tuple[Any, ...]]
    never: Mapping[str, tuple[Any, ...]]
    """Parameters for which only these values are safe for the machine that runs the test."""
    _learned: dict[str, list[Any]] = field(factory=dict, init=False)
    """Values of answers, by the names that they had there."""
    _hostility: float = field(default=0.0, init=False)
    """How likely it is that a value is not what was expected."""

    def request(self) -> Request:
        """Return the next request; one in three is all right, as far as can be known."""
        self._hostility = self.random.choice([0, 0.1, 0.5])
        asks_graphql = self._one_in(5)
        place = self.random.choice(_graphql_places() if asks_graphql else places())
        if place.path in GRAPHQL:
            parameters: Any = self._graphql()
        else:
            parameters = self._parameters(place.parameters)
        method = "PUT" if self._one_in(30) else self.random.choice(place.methods)
        target = self._target(place)
        if place.is_socket or self._one_in(4):
            target += self._query(parameters)
        if place.is_socket:
            return Request("GET", target, is_socket=True, route=place.path)
        content_type, body = self._body(place, parameters)
        return Request(method, target, content_type, body, self._headers(), route=place.path)

    def _one_in(self, count: int) -> bool:
        return self.random.randrange(count) == 0

    def _is_hostile(self) -> bool:
        return self.random.random() < self._hostility

    def _parameters(self, names: tuple[str, ...]) -> dict[str, Any]:
        chosen = [
            name for name in names if self.random.random() < (0.8 if self._right(name) else 0.15)
        ]
        return {name: self._value(name) for name in chosen}

    def _value(self, name: str) -> Any:
        if name in self.never:
            return self.random.choice(self.never[name])
        if name == "config" and not self._is_hostile():
            inner = tuple(one for one in _read_of_a_session() if one != "config")
            return self._parameters(inner)
        if not self._is_hostile() and (right := self._right(name)):
            return self.random.choice(right)
        return self.random.choice(HOSTILE if self._is_hostile() else MILD)

    def _right(self, name: str) -> Sequence[Any]:
        learned = self._learned.get(name) or self._learned.get(SAME.get(name, ""), ())
        return learned if learned and self._one_in(2) else self.known.get(name, learned)

    def learn(self, body: bytes) -> None:
        """Remember what an answer holds, to be asked for later."""
        with suppress(ValueError):
            found = json.loads(body)
            for one in found if isinstance(found, list) else [found]:
                for name, value in one.items() if isinstance(one, dict) else ():
                    self._note(name, value)

    def _note(self, name: str, value: Any) -> None:
        values = self._learned.setdefault(name, [])
        if isinstance(value, str | int) and name not in _IDENTITIES and value not in values:
            values.append(value)
            del values[:-_MOST_LEARNED]

    def _target(self, place: Place) -> str:
        def fill(match: re.Match[str]) -> str:
            if self._is_hostile():
                return self.random.choice(_ESCAPES)
            return quote(str(self.random.choice(self._right(match[1]) or ("x",))), safe="")

        target = re.sub(r"{(\w+)}", fill, place.path)
        return target + (self.random.choice(_ESCAPES) if self._one_in(40) else "")

    def _query(self, parameters: Mapping[str, Any]) -> str:
        pairs = [
            f"{quote(name)}={quote(self._text(value).encode('utf-8', 'replace'), safe='')}"
            for name, value in parameters.items()
        ]
        if self._one_in(10):
            pairs += [self.random.choice(_ESCAPES), "=", "&", "a=1&a=2"]
        return ("?" + "&".join(pairs))[:20_000]

    def _text(self, value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)[:3000]

    def _body(self, place: Place, parameters: Any) -> tuple[str, bytes]:
        if self._one_in(30) or place.path == "/session/{s}/upload":
            return self._form()
        body = json.dumps(parameters).encode()
        if self._is_hostile() and self._one_in(3):
            body = self._mangled(body)
        other = self.random.choice(["text/plain", "", "a/b; c", "\x7f"])
        return other if self._one_in(15) else "application/json", body

    def _mangled(self, body: bytes) -> bytes:
        at = self.random.randint(0, len(body))
        return self.random.choice(
            [
                body[:at],
                body[:at] + self.random.randbytes(8) + body[at:],
                b'{"a":' * _DEEP + body + b"}" * _DEEP,
                b"[" * 100_000,
                b'{"a": ' + b"9" * 6000 + b"}",
                b'{"a": NaN}',
                b"\xff\xfe" + body,
                b"null",
                b'"' + b"x" * 70_000 + b'"',
            ]
        )

    def _form(self) -> tuple[str, bytes]:
        part = (
            b'--x\r\nContent-Disposition: form-data; name="src"; filename="%s"\r\n\r\ncontent\r\n'
        )
        name = str(self.random.choice(HOSTILE)).encode("utf-8", "replace")[:500]
        body = self.random.choice(
            [part % name + b"--x--", part % b"f", b"", part % b"f" * 200 + b"--x--"]
        )
        kinds = [
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "multipart/x; boundary*0*=x",
            "a",
        ]
        return self.random.choice(kinds), self._mangled(body) if self._one_in(5) else body

    def _headers(self) -> tuple[tuple[str, bytes], ...]:
        if not self._is_hostile():
            return ()
        values = [
            b"",
            b"\xff\xfe",
            b"0",
            b"-1",
            b"9" * 30,
            b"bytes=5-1",
            b"bytes=0-" + b"9" * 25,
            b"x" * 5000,
        ]
        names = (
            "Upload-Offset", "Upload-Length", "Upload-Metadata", "Tus-Resumable", "Range",
            "If-Range", "Cookie", "X-Forwarded-For", "X-BackendAI-Version", "Accept", "Expect",
            "X-Sorna-Date",
        )  # fmt: skip
        return tuple((self.random.choice(names), self.random.choice(values)) for _ in range(2))

    def _graphql(self) -> dict[str, Any]:
        if self._is_hostile() and self._one_in(5):
            return {"query": self.random.choice(HOSTILE), "variables": self.random.choice(HOSTILE)}
        built = schema()
        root = self.random.choice([built.query_type, built.mutation_type])
        assert root is not None
        name, found = self.random.choice(list(root.fields.items()))
        variables: dict[str, Any] = {}
        declared, given = [], []
        for argument, described in found.args.items():
            if not self._one_in(3) or str(described.type).endswith("!"):
                declared.append(f"${argument}: {described.type}")
                given.append(f"{argument}: ${argument}")
                variables[argument] = self._argument(argument, described)
        head = f"{'mutation' if root is built.mutation_type else 'query'}"
        head += f"({', '.join(declared)})" if declared else ""
        call = f"{name}({', '.join(given)})" if given else name
        query = f"{head} {{ {call} {self._selection(found, 3)} }}"
        if self._is_hostile() and self._one_in(3):
            at = self.random.randint(0, len(query))
            query = (
                query[:at]
                + self.random.choice(["{", "...a", '"', "@x", "$", "(", "\0", "{a" * 90])
                + query[at:]
            )
        return {"query": query, "variables": variables}

    def _argument(self, name: str, argument: GraphQLArgument, depth: int = 3) -> Any:
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLInputObjectType) and depth and not self._is_hostile():
            chosen = [
                (one, described)
                for one, described in kind.fields.items()
                if str(described.type).endswith("!") or self._one_in(3)
            ]
            return {one: self._argument(one, described, depth - 1) for one, described in chosen}  # type: ignore[arg-type]
        if not self._is_hostile() and (right := self._right(name)):
            return self.random.choice(right)
        usual = {
            "Int": (0, 1, 20),
            "Boolean": (True, False),
            "BigInt": (0, 5, -1),
            "JSONString": ("{}", '{"cpu": 1}'),
        }
        if kind.name in usual and not self._is_hostile():
            return self.random.choice(usual[kind.name])
        return self.random.choice(HOSTILE if self._is_hostile() else MILD)

    def _selection(self, found: GraphQLField, depth: int) -> str:
        fields = getattr(get_named_type(found.type), "fields", None)
        if fields is None:
            return ""
        plain = [
            name for name, one in fields.items() if not hasattr(get_named_type(one.type), "fields")
        ]
        inner = [name for name in fields if name not in plain] if depth else []
        chosen = self.random.sample(plain, min(len(plain), 8))
        nested = [
            f"{name} {self._selection(fields[name], depth - 1)}"
            for name in inner
            if not fields[name].args
        ]
        return "{ " + " ".join([*chosen, *nested, "__typename"]) + " }"

    def frames(self) -> bytes:
        """Return what a client of a websocket might send first, and more."""
        first = self.random.choice(
            [
                json.dumps({"mode": "query", "code": "1+1"}).encode(),
                json.dumps({"type": "stdin", "chars": "MQ=="}).encode(),
                json.dumps({"type": self._value("type"), "mode": self._value("mode")}).encode(),
                b"\xff\xfe\0",
                b"[" * 5000,
                b"",
            ]
        )
        first = first[:60_000]
        opcode = self.random.choice([0x81, 0x82, 0x81, 0x88, 0x89, 0x80, 0xF3, 0x01])
        size = len(first)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
        return (
            bytes([opcode])
            + length
            + b"\0\0\0\0"
            + first
            + (self.random.randbytes(9) if self._one_in(5) else b"")
        )

    def garbage(self) -> bytes:
        """Return bytes that are no request, or one that is wrong about itself."""
        host = b"Host: 127.0.0.1\r\n"
        word = "".join(self.random.choices(string.printable, k=30)).encode()
        return self.random.choice(
            [
                self.random.randbytes(60),
                word + b"\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"GET /\xff HTTP/1.1\r\n" + host + b"\r\n",
                b"GET / HTTP/1.1\r\n" + host * 2 + b"\r\n",
                b"GET /storage HTTP/1.1\r\nHost: [" + word[:5] + b"\r\n\r\n",
                b"OPTIONS * HTTP/1.1\r\n" + host + b"\r\n",
                b"CONNECT a:1 HTTP/1.1\r\n" + host + b"\r\n",
                b"GET http://[::1/x HTTP/1.1\r\n" + host + b"\r\n",
                b"GET / HTTP/1.1\r\n"
                + host
                + b"X: "
                + self.random.randbytes(20).hex().encode() * 3000
                + b"\r\n\r\n",
                b"POST /auth/authorize HTTP/1.1\r\n" + host + b"Content-Length: 99\r\n\r\n{",
                b"POST /auth/authorize HTTP/1.1\r\n" + host + b"Content-Length: 1\r\n\r\n{}{}",
                b"POST /auth/signup HTTP/1.1\r\n"
                + host
                + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nx",
                b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}zz\r\n",
                b"POST / HTTP/1.1\r\n"
                + host
                + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
                b"GET /stream/session/a/pty HTTP/1.1\r\n"
                + host
                + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            ]
        )


@pytest.fixture
def make_grammar() -> type[Grammar]:
    """Make grammars."""
    return Grammar


@pytest.fixture
def routes() -> set[str]:
    """The paths of all routes."""
    return {place.path for place in places()}
