"""Columns: which fields of a record are written, with which names, and how they are shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from atoll._errors import UsageError
from atoll.text import near_matches


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _same(value: Any) -> Any:
    return value


def _last_part(path: str) -> Callable[[Any], Any]:
    def get(record: Any) -> Any:
        for part in path.split("."):
            record = record.get(part) if isinstance(record, Mapping) else getattr(record, part)
        return record

    return get


@frozen
class Column:
    """A field of a record.

    `name` is the API's own, used by the formats for programs; `title` is the heading for people;
    `show` turns the value into text for people. With `keep`, it is not cut on a narrow terminal;
    but if `enough` is set, as for an id, it may be cut after that many cells. `width` is how many
    cells to reserve when records are written live, before their values are known; `brief` turns the
    value into a shorter text, for a table that would be wider than the screen. In the JSON of the
    official client, `official_name` is the field's name, and `official` turns the value into the
    one written there. `get` takes the value from the record, by default the attribute or key
    `name`.
    """

    name: str
    title: str = ""
    show: Callable[[Any], str] = _text
    right: bool = False
    keep: bool = False
    enough: int = 0
    width: int = 0
    brief: Callable[[Any], str] | None = None
    official_name: str = field()
    official: Callable[[Any], Any] = _same
    get: Callable[[Any], Any] = field()

    @official_name.default
    def _same_name(self) -> str:
        return self.name

    @get.default
    def _get_by_name(self) -> Callable[[Any], Any]:
        return _last_part(self.name)

    @property
    def heading(self) -> str:
        """The title; by default the name with blanks and capitals."""
        return self.title or self.name.replace("_", " ").capitalize()


def columns_of(names: str, known: Iterable[Column]) -> Sequence[Column]:
    """Return the columns that a text names, separated by commas; raises UsageError, which lists the
    known columns.
    """
    by_name = {column.name: column for column in known}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in by_name]:
        near = near_matches(unknown[0], list(by_name)) if len(unknown) == 1 else ""
        raise UsageError(
            f"unknown field{'s' * (len(unknown) > 1)}: {', '.join(unknown)}",
            hint=near or f"known: {', '.join(by_name)}",
        )
    if not wanted:
        raise UsageError("no field is named", hint=f"known: {', '.join(by_name)}")
    return [by_name[name] for name in wanted]
