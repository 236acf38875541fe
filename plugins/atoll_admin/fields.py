"""Fields of the entities that administrators manage: each has a column, and a function that decodes
GraphQL's value.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from atoll.output import Column, age, binary_size, local_time, show_slots

SINCE_24_03 = 8
"""The major version of the API that clusters since 24.03 speak; most newer fields exist since this
release.
"""


def _same(value: Any) -> Any:
    return value


@frozen
class Field:
    """A field of an entity.

    `selection` is the GraphQL selection that fills it; `decode` turns the answer into the record's
    value. `since` is the first major version of the API whose clusters have the field; it is not
    requested from older ones.
    """

    column: Column
    selection: str
    decode: Callable[[Any], Any] = _same
    since: int = 0

    @property
    def name(self) -> str:
        """The name in `-f` and in the formats for programs."""
        return self.column.name

    @property
    def asked(self) -> str:
        """The name of the GraphQL field for it."""
        return self.selection.split(maxsplit=1)[0]


def text(name: str, title: str = "", *, keep: bool = False, since: int = 0) -> Field:
    """Return a field that is shown unchanged."""
    return Field(Column(name, title, keep=keep), name, since=since)


def number(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that holds a number."""
    return Field(Column(name, title, right=True), name, since=since)


def size(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that holds a number of bytes."""
    column = Column(name, title, show_size, right=True, official=_short_size)
    return Field(column, name, since=since)


def flag(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that is true or false."""
    return Field(Column(name, title, yes_or_no), name, since=since)


def timestamp(name: str, title: str = "") -> Field:
    """Return a field that holds an ISO 8601 time."""
    return Field(Column(name, title, local_time, brief=age), name)


def texts(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that holds a list of texts."""
    return Field(Column(name, title, show_list), name, since=since)


def names(name: str, title: str = "") -> Field:
    """Return a field that holds objects with an id and a name; the names are shown."""
    return Field(Column(name, title, _show_names), f"{name} {{ id name }}")


def slots(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that holds amounts of resource slots, as JSON inside JSON."""
    return Field(Column(name, title, show_slots), name, decode_json, since)


def slots_as_text(name: str, title: str = "") -> Field:
    """Return a field for slots that the official client prints as JSON inside JSON."""
    return Field(Column(name, title, show_slots, official=_as_text), name, decode_json)


def hosts(name: str, title: str = "") -> Field:
    """Return a field with the permissions on each folder host, as JSON inside JSON."""
    return Field(Column(name, title, show_list, official=_as_text), name, decode_json)


def document(
    name: str, title: str = "", *, show: Callable[[Any], str] | None = None, since: int = 0
) -> Field:
    """Return a field that holds JSON inside JSON; it is shown as pairs unless `show` formats it."""
    return Field(Column(name, title, show or show_pairs), name, decode_json, since)


def decode_json(value: Any) -> Any:
    """Decode a text that is JSON; other text is returned unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def yes_or_no(value: Any) -> str:
    """Format a boolean."""
    return "" if value is None else "yes" if value else "no"


def show_size(value: Any) -> str:
    """Format a number of bytes; empty if there is no number."""
    return "" if value is None else binary_size(value)


def _short_size(value: Any) -> Any:
    """Write a number of bytes as `ls -h` and the official client do: `161.3M`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if abs(value) < 1024:
        return f"{value:.0f}B"
    for unit in "KMGTPE":
        value /= 1024
        if abs(value) < 1024 or unit == "E":
            break
    return f"{value:.1f}{unit}"


def _as_text(value: Any) -> Any:
    return None if value is None else json.dumps(value)


def show_json(value: Any) -> str:
    """Format a value as JSON; empty if the value is empty."""
    return json.dumps(value, ensure_ascii=False) if value else ""


def show_pairs(document: Any) -> str:
    """Format a document on one line: the paths to its values, and the values."""
    if isinstance(document, list):
        document = {str(number): value for number, value in enumerate(document)}
    if not isinstance(document, Mapping):
        return "" if document is None else str(document)
    waiting, told = [("", document)], list[str]()
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{path}.{name}".strip("."), value[name]) for name in reversed(value)]
        elif path:
            told.append(path if value in ({}, None, "") else f"{path}={value}")
    return ", ".join(told)


def show_list(values: Sequence[str] | Mapping[str, Any] | None) -> str:
    """Format texts, or the keys of a map, separated by commas."""
    return ", ".join(values or ())


def _show_names(things: Sequence[Mapping[str, Any]] | None) -> str:
    return show_list([thing["name"] for thing in things or ()])
