"""Checks each record of a plugin: the types of its fields, and the names that it uses."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from atoll._plugins.guard import drop
from atoll._plugins.origins import Origin, PluginError
from atoll.hookspecs import Hook

_MOST_RECORDS = 10_000
"""The most records that a plugin may return for a hook."""
_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "True or False"}


def records_in(returned: Any, hook: Hook[Any], origin: Origin) -> Iterator[object]:
    """Yield the records that a hook has returned; raises PluginError if the value can't contain
    records, or is endless.
    """
    record = hook.record.__name__
    if isinstance(returned, hook.record):
        raise PluginError(origin, f"{hook.name} returns one {record}: yield it, or return a list")
    drop(returned)
    if inspect.iscoroutine(returned) or inspect.isasyncgen(returned):
        raise PluginError(origin, f"{hook.name} is async: hooks are plain functions")
    if isinstance(returned, (str, bytes, Mapping)) or not isinstance(returned, Iterable):
        raise PluginError(origin, f"{hook.name} returns {_named(returned)}, no {record} records")
    for count, one in enumerate(returned):
        if count == _MOST_RECORDS:
            raise PluginError(origin, f"{hook.name} returns more than {_MOST_RECORDS} records")
        yield one


def problem_with(record: object, hook: Hook[Any]) -> str:
    """Return what is wrong with a record for a hook; empty for nothing."""
    return problem_in(record, hook.record) or _problem_with_names(record, hook)


def problem_in(record: object, expected: type) -> str:
    """Return why a value is not such a record, or which of its fields is wrong; empty if nothing
    is.
    """
    if not isinstance(record, expected):
        return f"{_named(record)} is no {expected.__name__}"
    for name, allowed, described in _fields(expected):
        if not allowed(getattr(record, name)):
            return f"the {name} of {_named(record)} should be {described}"
    return ""


def _problem_with_names(record: Any, hook: Hook[Any]) -> str:
    for name in hook.names(record) if hook.names else ():
        if not isinstance(name, str) or not name.isprintable() or name != name.strip() or not name:
            return f"{name!r} can't name a {hook.record.__name__}"
    return ""


def _named(value: object) -> str:
    text = getattr(value, "name", None) or getattr(value, "key", None) or getattr(value, "kind", "")
    kind = type(value).__name__
    return f"{kind} {text!r}" if isinstance(text, str) and text else kind


@cache
def _fields(record: type) -> Sequence[tuple[str, Any, str]]:
    """Return the fields of a record's class whose types can be checked."""
    return [
        (attribute.name, *check)
        for attribute in getattr(record, "__attrs_attrs__", ())
        if (check := _check(attribute.type)) is not None
    ]


def _check(declared: Any) -> tuple[Any, str] | None:
    """Return the check for a declared type, and the type in words.

    The check is None for types that are not checked here, but by the code that uses the records.
    """
    if get_origin(declared) is Literal:
        choices = get_args(declared)
        return choices.__contains__, f"one of {', '.join(map(repr, choices))}"
    if get_origin(declared) is Sequence and get_args(declared) == (str,):
        return _are_texts, "texts"
    members = get_args(declared) if get_origin(declared) is UnionType else (declared,)
    if not all(member in (str, int, float, bool, NoneType) for member in members):
        return None
    allowed = (*members, int) if float in members else members
    words = [_KINDS[member] for member in members if member is not NoneType]
    words += ["None"] if NoneType in members else []

    def fits(value: object) -> bool:
        return isinstance(value, allowed) and (bool in members or not isinstance(value, bool))

    return fits, " or ".join(words)


def _are_texts(values: Any) -> bool:
    return all(isinstance(value, str) for value in values)
