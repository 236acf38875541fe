"""Reads answers of a cluster, and checks each value before it is used.

A *shape* describes the expected value, and mirrors it:

- a type (`str`, `int`, `float`, `bool`, `dict`, `list`), or `object` for anything;
- `[shape]`, a list of such; `{"key": shape}`, a map that has these keys among others; `{str:
  shape}`, a map with any keys;
- `maybe(shape)`, which may be null or missing, and is None then;
- a function, which makes a value of the answer's part, such as a record's `from_node`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isfinite
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

from attrs import fields, frozen

from atoll._errors import AtollError

__all__ = ["Malformed", "Shape", "decode", "maybe", "read", "record", "to_figure", "whole_number"]

T = TypeVar("T")
Shape = Any
_DEEPEST = 100
_MOST_CONTAINERS = 2_000_000
_LARGEST = 2**63
_MOST_DIGITS = 18
_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a map",
    list: "a list",
    NoneType: "null",
}
_CONVERSION = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""Exceptions of code that gets a value of an unexpected type."""


class Malformed(AtollError):
    """The cluster's answer does not have the shape that its API promises."""

    def __init__(self, endpoint: str, what: str) -> None:
        hint = "check the endpoint: this is not what its API says"
        super().__init__(f"the cluster at {endpoint} answered {what}", hint=hint)


@frozen
class Maybe:
    """The shape of a value that may be null or missing."""

    shape: Shape


def maybe(shape: Shape) -> Maybe:
    """Return the shape of a value that may be null or missing."""
    return Maybe(shape)


def decode(text: bytes | str, endpoint: str) -> Any:
    """Decode JSON from `endpoint`; raises Malformed for anything else, and for nesting that is too
    deep.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(endpoint, "with something that is no JSON") from None
    left, right = ("[", "{") if isinstance(text, str) else (b"[", b"{")
    containers = text.count(left) + text.count(right)  # type: ignore[arg-type]  # of the same type as the text
    if containers > _DEEPEST and (containers > _MOST_CONTAINERS or _is_deep(value)):
        raise Malformed(endpoint, "with JSON that is nested too deeply")
    return _encodable(value, text)


def _is_deep(value: Any) -> bool:
    """Tell whether lists and maps are nested deeper than recursive code can handle."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


def _encodable(value: Any, text: bytes | str) -> Any:
    """Replace lone surrogates, which JSON can contain but files can't."""
    if (b"\\ud" if isinstance(text, bytes) else "\\ud") not in text.lower():  # type: ignore[operator]  # as above
        return value
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def read(value: Any, shape: Shape, endpoint: str, where: str = "") -> Any:
    """Return a value of `endpoint` read as a shape; raises Malformed.

    `where` says which part of the answer the value is, for the message.
    """
    if isinstance(shape, Maybe):
        return None if value is None else read(value, shape.shape, endpoint, where)
    if isinstance(shape, dict):
        return _read_map(value, shape, endpoint, where)
    if isinstance(shape, list):
        _expect(value, list, endpoint, where)
        below = shape[0]
        return [read(one, below, endpoint, f"{where}[{at}]") for at, one in enumerate(value)]
    if isinstance(shape, type):
        _expect(value, shape, endpoint, where)
        return value
    return _convert(value, shape, endpoint, where)


def _read_map(value: Any, shape: Mapping[Any, Shape], endpoint: str, where: str) -> dict[str, Any]:
    _expect(value, dict, endpoint, where)
    found = dict(value)
    if str in shape:
        shape = dict.fromkeys(found, shape[str])
    for key, below in shape.items():
        path = f"{where}.{key}" if where else key
        if key not in value and not isinstance(below, Maybe):
            raise Malformed(endpoint, f"without {path}")
        found[key] = read(value.get(key), below, endpoint, path)
    return found


def _convert(value: Any, function: Callable[[Any], Any], endpoint: str, where: str) -> Any:
    try:
        return function(value)
    except _CONVERSION as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise Malformed(endpoint, f"with {where or 'it all'}: {reason}"[:300]) from error


def _expect(value: Any, kind: type, endpoint: str, where: str) -> None:
    if not _is(value, kind):
        raise Malformed(
            endpoint, f"with {where or 'it all'} as {_named(value)}, not {_NAMES[kind]}"
        )


def _named(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST:
        return "a number of absurd size"
    return _NAMES.get(type(value), "something")


def _is(value: Any, kind: type) -> bool:
    if kind is object:
        return True
    if kind is int:
        return type(value) is int and abs(value) < _LARGEST
    if kind is float:
        return _is(value, int) or (type(value) is float and isfinite(value))
    return isinstance(value, kind)


def record(kind: type[T], values: Mapping[str, Any]) -> T:
    """Make an attrs record of this class from values by field name; null means the default.

    Raises TypeError for a value of a wrong type, and for a missing one.
    """
    checks, required = _checks(kind)  # type: ignore[arg-type]  # classes are hashable
    taken = {key: value for key, value in values.items() if key in checks and value is not None}
    for key, value in taken.items():
        if not checks[key](value):
            raise TypeError(f"{key} is {_named(value)}")
    if missing := required - taken.keys():
        raise KeyError(", ".join(sorted(missing)))
    return kind(**taken)


@cache
def _checks(kind: type) -> tuple[dict[str, Callable[[Any], bool]], frozenset[str]]:
    """Return a check for each field of a class, and the names of those without a default."""
    found = {field.name: field for field in fields(kind) if field.init}
    required = frozenset(name for name, field in found.items() if not _has_default(field))
    return {name: _check_of(field.type) for name, field in found.items()}, required


def _has_default(field: Any) -> bool:
    from attrs import NOTHING

    return field.default is not NOTHING


def _check_of(annotation: Any) -> Callable[[Any], bool]:
    """Return the function that checks for an annotated type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, UnionType):
        options = [_check_of(one) for one in arguments]
        return lambda value: any(fits(value) for fits in options)
    if annotation is None or annotation is NoneType:
        return lambda value: value is None
    if origin is not None and issubclass(origin, Mapping):
        inner = _check_of(arguments[1])
        return lambda value: isinstance(value, dict) and all(map(inner, value.values()))
    if origin is not None and issubclass(origin, Sequence):
        inner = _check_of(arguments[0])
        return lambda value: isinstance(value, list | tuple) and all(map(inner, value))
    if annotation in _NAMES:
        return lambda value: _is(value, annotation)
    return lambda _value: True


def whole_number(text: str) -> int | None:
    """Return the number in a text of ASCII digits if it fits into 64 bits; None for
    anything else.
    """
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def to_figure(value: Any) -> float | None:
    """Return a number that clusters write as a number or as text; None for anything else."""
    try:
        figure = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return figure if isfinite(figure) else None
