"""Parameters of a request: query and JSON body merged, whatever the method; the body wins.

Managers of different releases read them from different places, and so clients send them to either
or both. Reading both makes every client right.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from starlette.requests import Request

from atoll_local.api.problems import Problem, invalid_params

_MAX_BODY = 16 * 1024 * 1024
_MAX_INTEGER = 2**31 - 1
_TRUE = frozenset({"true", "yes", "1", "y", "t", "on"})
_FALSE = frozenset({"false", "no", "0", "n", "f", "off", ""})


@frozen
class Params:
    """The merged parameters; accessors take the aliases of one parameter, the first names it.

    A null counts as absent. All accessors raise Problem 400 with `data` naming the parameter.
    """

    values: Mapping[str, Any]

    def get(self, *names: str) -> Any:
        """Return the first alias that is there, None if none is."""
        for name in names:
            if (value := self.values.get(name)) is not None:
                return value
        return None

    def has(self, *names: str) -> bool:
        """Say whether a parameter is there, be it null."""
        return any(name in self.values for name in names)

    def text(self, *names: str) -> str | None:
        """Return a text; numbers are taken as texts."""
        value = self.get(*names)
        if value is None:
            return None
        if not isinstance(value, str | int | float):
            raise _wrong(names[0], "must be a text")
        return _valid(names[0], str(value))

    def required(self, *names: str) -> str:
        """Return a text that may not be missing or empty."""
        value = self.text(*names)
        if not value:
            raise _wrong(names[0], "is required")
        return value

    def boolean(self, *names: str, default: bool = False) -> bool:
        """Return a boolean, given as such or as text."""
        value = self.get(*names)
        if value is None:
            return default
        text = str(value).lower()
        if text not in _TRUE | _FALSE:
            raise _wrong(names[0], "must be true or false")
        return text in _TRUE

    def integer(
        self, *names: str, default: int, minimum: int = 0, maximum: int = _MAX_INTEGER
    ) -> int:
        """Return a whole number within bounds."""
        value = self.get(*names)
        if value is None:
            return default
        try:
            number = int(str(value))
        except ValueError:
            raise _wrong(names[0], "must be a whole number") from None
        if number < minimum:
            raise _wrong(names[0], f"must be {minimum} or more")
        if number > maximum:
            raise _wrong(names[0], f"must be {maximum} or less")
        return number

    def mapping(self, *names: str) -> dict[str, Any]:
        """Return a map, empty if absent."""
        value = self.get(*names)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _wrong(names[0], "must be a map")
        return value

    def sequence(self, *names: str) -> list[Any]:
        """Return a list, empty if absent; a single value is a list of one."""
        value = self.get(*names)
        if value is None:
            return []
        many = isinstance(value, Sequence) and not isinstance(value, str)
        items = list(value) if many else [value]
        return [_valid(names[0], one) if isinstance(one, str) else one for one in items]


def query_params(request: Request) -> Params:
    """Read the query alone; what is repeated is a list."""
    values: dict[str, Any] = {}
    for name in request.query_params:
        found = request.query_params.getlist(name)
        values[name] = found[0] if len(found) == 1 else found
    return Params(values)


async def read_params(request: Request) -> Params:
    """Merge query and JSON body of a request; raises Problem 400 for a body that is no JSON."""
    values = dict(query_params(request).values)
    if request.headers.get("content-type", "").startswith("multipart/"):
        return Params(values)
    return Params(values | _decode(await bounded_body(request, _MAX_BODY, "Too large body")))


async def bounded_body(request: Request, limit: int, complaint: str) -> bytes:
    """Return the body of a request; raises Problem 400 as soon as it exceeds `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise invalid_params(complaint)
    return bytes(body)


def _decode(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        decoded = json.loads(body)
    except ValueError:
        raise invalid_params("Malformed body") from None
    if not isinstance(decoded, dict):
        raise invalid_params("Malformed body: it must be a JSON object")
    return decoded


def _valid(name: str, text: str) -> str:
    """Return the text if it is one: JSON can escape halves of characters, which are none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _wrong(name, "holds half a character") from None
    return text


def _wrong(name: str, why: str) -> Problem:
    return invalid_params(f"{name} {why}", {name: why})
