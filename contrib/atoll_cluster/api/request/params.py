"""The parameters of a request: the query and the JSON body are merged; the body has precedence.

Managers of different releases read parameters from different places. So clients put them into the
query, the body, or both. This program reads both, so that all clients work.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from starlette.requests import HTTPConnection, Request

from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.api.request.safe_json import HalfCharacterError, JsonError, read_object

MAX_BODY = 1024 * 1024
"""The most bytes of a JSON body, unless the route has another limit."""
MAX_PUBLIC_BODY = 64 * 1024
"""The most bytes of a JSON body without a signature."""
_MAX_INTEGER = 2**31 - 1
_TRUE = frozenset({"true", "yes", "1", "y", "t", "on"})
_FALSE = frozenset({"false", "no", "0", "n", "f", "off", ""})


@frozen
class Params:
    """The merged parameters; each method takes the names of a parameter, errors use the first one.

    A null counts as absent. The methods raise Problem 400, whose `data` names the parameter.
    """

    values: Mapping[str, Any]

    def get(self, *names: str) -> Any:
        """Return the value of the first name that exists, or None."""
        for name in names:
            if (value := self.values.get(name)) is not None:
                return value
        return None

    def has(self, *names: str) -> bool:
        """Return whether a parameter exists, even if it is null."""
        return any(name in self.values for name in names)

    def text(self, *names: str) -> str | None:
        """Return a text; numbers are converted."""
        value = self.get(*names)
        if value is None:
            return None
        if not isinstance(value, str | int | float):
            raise _wrong(names[0], "must be a text")
        return str(value)

    def required(self, *names: str) -> str:
        """Return a text; it is an error if it is missing or empty."""
        value = self.text(*names)
        if not value:
            raise _wrong(names[0], "is required")
        return value

    def boolean(self, *names: str, default: bool = False) -> bool:
        """Return a boolean, which the client may send as text."""
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
        """Return a whole number from `minimum` to `maximum`."""
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
        """Return a list, empty if absent; a single value becomes a list of one."""
        value = self.get(*names)
        if value is None:
            return []
        return list(value) if isinstance(value, list) else [value]


def query_params(connection: HTTPConnection) -> Params:
    """Read the query only; repeated parameters become lists."""
    found: dict[str, list[str]] = {}
    for name, value in connection.query_params.multi_items():
        found.setdefault(name, []).append(value)
    return Params({name: all_[0] if len(all_) == 1 else all_ for name, all_ in found.items()})


async def read_params(request: Request, limit: int = MAX_BODY) -> Params:
    """Merge the query and the JSON body of a request; raises Problem 400 for invalid JSON."""
    values = dict(query_params(request).values)
    if request.headers.get("content-type", "").startswith("multipart/"):
        return Params(values)
    body = await bounded_body(request, limit, "Too large body")
    if not body.strip():
        return Params(values)
    try:
        return Params(values | read_object(body))
    except HalfCharacterError as error:
        raise invalid_params(str(error)) from None
    except JsonError as error:
        raise invalid_params(f"Malformed body: {error}") from None


async def bounded_body(request: Request, limit: int, complaint: str) -> bytes:
    """Return the body of a request; raises Problem 400 as soon as it exceeds `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise invalid_params(complaint)
    return bytes(body)


def read_message(text: str) -> Params:
    """Read a message of a websocket; raises Problem 400 unless it is a JSON object."""
    try:
        return Params(read_object(text))
    except JsonError as error:
        raise invalid_params(f"Malformed message: {error}") from None


def _wrong(name: str, why: str) -> Problem:
    return invalid_params(f"{name} {why}", {name: why})
