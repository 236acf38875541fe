"""Fields of the things that administrators manage: a column each, and how GraphQL's value is
decoded.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from atoll.output import Column, age, binary_size, local_time, show_slots

SINCE_24_03 = 8
"""The major version of the API that clusters since 24.03 speak, which brought most newer fields."""


def _same(value: Any) -> Any:
    return value


@frozen
class Field:
    """A field of an entity.

    `selection` is the GraphQL selection that fills it; `decode` turns the answer into the record's
    value. `since` is the major version of the API from which clusters have it: older ones are not
    asked.
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
        """The name of the GraphQL field behind it."""
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
    """Return a field that holds things with an id and a name; the names are shown."""
    return Field(Column(name, title, _show_names), f"{name} {{ id name }}")


def slots(name: str, title: str = "", *, since: int = 0) -> Field:
    """Return a field that holds amounts of resource slots, as JSON inside JSON."""
    return Field(Column(name, title, show_slots), name, decode_json, since)


def slots_as_text(name: str, title: str = "") -> Field:
    """Return such a field that the official client leaves as JSON inside JSON."""
    return Field(Column(name, title, show_slots, official=_as_text), name, decode_json)


def hosts(name: str, title: str = "") -> Field:
    """Return a field with the permissions on each folder host, as JSON inside JSON."""
    return Field(Column(name, title, show_list, official=_as_text), name, decode_json)


def document(
    name: str, title: str = "", *, show: Callable[[Any], str] | None = None, since: int = 0
) -> Field:
    """Return a field that holds JSON inside JSON; people see it as JSON unless `show` is given."""
    return Field(Column(name, title, show or show_json), name, decode_json, since)


def decode_json(value: Any) -> Any:
    """Decode JSON in a text; other text is returned unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def yes_or_no(value: Any) -> str:
    """Show a boolean."""
    return "" if value is None else "yes" if value else "no"


def show_size(value: Any) -> str:
    """Show a number of bytes; nothing if there is no number."""
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
    """Show anything as JSON, and nothing when it is empty."""
    return json.dumps(value, ensure_ascii=False) if value else ""


def show_list(values: Sequence[str] | Mapping[str, Any] | None) -> str:
    """Show texts, or a map's keys, with commas."""
    return ", ".join(values or ())


def _show_names(things: Sequence[Mapping[str, Any]] | None) -> str:
    return show_list([thing["name"] for thing in things or ()])
