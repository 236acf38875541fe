"""Read JSON from clients with limits of depth, numbers and texts.

The API reads every JSON text with this module: bodies, messages of websockets, and parameters that
contain JSON. So no handler gets a value that Python, SQLite or a file name cannot contain.
"""

import json
import re
from math import isfinite
from typing import Any

_DEEPEST = 64
"""The most levels of nested lists and maps; deeper ones could cause a RecursionError later."""
_LARGEST = 2**63 - 1
"""The largest integer that the store accepts."""
_LONGEST_INTEGER = 20
_BULK = 1024 * 1024
"""The most characters outside of the first `_MOST_TEXTS` texts, which may be long code."""
_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_MOST_TEXTS = 1000
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""An escaped half of a UTF-16 pair."""


class JsonError(ValueError):
    """A text is not JSON, or exceeds a limit; the message says why."""


class HalfCharacterError(JsonError):
    """A text in the JSON contains an incomplete UTF-16 pair."""


def read_json(text: str | bytes, *, strict: bool = True) -> Any:
    """Return the value of a JSON text in UTF-8; raises JsonError.

    If `strict` is false, texts may contain line ends.
    """
    try:
        plain = text if isinstance(text, str) else text.decode()
        _check_bulk(plain)
        value = json.loads(
            plain,
            strict=strict,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_not_a_number,
        )
    except JsonError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise JsonError(f"it is not JSON: {error}") from None
    if plain.count("[") + plain.count("{") > _DEEPEST:
        _check_depth(value)
    if _HALF.search(plain):
        _check_characters(value)
    return value


def read_object(text: str | bytes) -> dict[str, Any]:
    """Return the value of a JSON text that must be an object; raises JsonError."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise JsonError("it must be a JSON object")
    return value


def _check_bulk(plain: str) -> None:
    """Raise JsonError for a JSON text with so many values that reading it would take too long."""
    if len(plain) > _BULK and len(_TEXT.sub("", plain, _MOST_TEXTS)) > _BULK:
        raise JsonError(f"it has more than {_BULK} characters outside of a few long texts")


def _integer(text: str) -> int:
    if len(text) <= _LONGEST_INTEGER and -_LARGEST <= (number := int(text)) <= _LARGEST:
        return number
    raise JsonError(f"the number {text[:_LONGEST_INTEGER]}… has more than 64 bits")


def _number(text: str) -> float:
    if not isfinite(number := float(text)):
        raise JsonError(f"the number {text[:_LONGEST_INTEGER]} is too large")
    return number


def _not_a_number(text: str) -> float:
    raise JsonError(f"{text} is not JSON")


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise _too_deep()


def _check_characters(value: Any) -> None:
    for name, inner in value.items() if isinstance(value, dict) else [("it", value)]:
        try:
            json.dumps([name, inner], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise HalfCharacterError(
                f"{ascii(name)[1:-1]} contains an incomplete UTF-16 pair"
            ) from None


def _too_deep() -> JsonError:
    return JsonError(f"it is nested more deeply than {_DEEPEST} levels")
