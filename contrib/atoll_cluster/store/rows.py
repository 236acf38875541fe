"""Convert rows to records and back: the fields of a record are the columns of its table.

A field made with :func:`json_field` is stored as JSON text; booleans are stored as 0 and 1.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

Record = TypeVar("Record", bound=attrs.AttrsInstance)


def json_field(factory: Callable[[], Any]) -> Any:
    """Declare a field whose column holds JSON; `factory` makes its default."""
    return attrs.field(factory=factory, metadata={"json": True})


LARGEST_COUNT = 2**31 - 1
"""The largest count or number of seconds (68 years): the largest Int of GraphQL."""
LARGEST_SIZE = 2**63 - 1
"""The largest number of bytes: the largest integer in a column of SQLite."""


def whole_field(default: int | None, *, least: int = 0, most: int = LARGEST_COUNT) -> Any:
    """Declare a field for a whole number within a range.

    A number in a row that is out of the range is read as the nearest number in it; a value that is
    not a number is read as the default. Inputs out of the range are refused (:func:`range_of`).
    """
    return attrs.field(default=default, metadata={"range": (least, most)})


def range_of(field: "attrs.Attribute[Any]") -> tuple[int, int]:
    """Return the smallest and the largest value of a field."""
    found: tuple[int, int] = field.metadata.get("range", (0, LARGEST_SIZE))
    return found


def columns(record_type: type[attrs.AttrsInstance]) -> str:
    """Return the columns of a record for a SELECT."""
    return ", ".join(f.name for f in attrs.fields(record_type))


def from_row(record_type: type[Record], row: sqlite3.Row) -> Record:
    """Build a record from a row that has its columns.

    A damaged row must not prevent reading the others. So invalid JSON, or JSON of another type than
    the field's, is read as the field's default.
    """
    return record_type(**{f.name: _read(f, row[f.name]) for f in attrs.fields(record_type)})


def read_value(record_type: type[attrs.AttrsInstance], name: str, value: Any) -> Any:
    """Convert a value of a column to a value of the record's field."""
    return _read(attrs.fields_dict(record_type)[name], value)


def insertion(table: str, record: attrs.AttrsInstance) -> tuple[str, dict[str, object]]:
    """Return the INSERT statement for `record` and its parameters."""
    fields = attrs.fields(type(record))
    names = ", ".join(f.name for f in fields)
    marks = ", ".join(f":{f.name}" for f in fields)
    values = {f.name: _write(f, getattr(record, f.name)) for f in fields}
    # S608: table and column names are this program's own; values are bound.
    return f"INSERT INTO {table} ({names}) VALUES ({marks})", values  # noqa: S608


def written(record_type: type[attrs.AttrsInstance], values: Mapping[str, object]) -> dict[str, Any]:
    """Convert values of a record's fields to values of the columns."""
    fields = attrs.fields_dict(record_type)
    return {name: _write(fields[name], value) for name, value in values.items()}


def _read(field: "attrs.Attribute[Any]", value: Any) -> Any:
    if field.metadata.get("json"):
        return _from_json(field, value)
    if "range" in field.metadata:
        return _within(field, value)
    return bool(value) if field.type is bool else value


def _within(field: "attrs.Attribute[Any]", value: Any) -> Any:
    least, most = range_of(field)
    return max(least, min(value, most)) if isinstance(value, int) else field.default


def _from_json(field: "attrs.Attribute[Any]", text: Any) -> Any:
    default = field.default.factory()  # type: ignore[union-attr]  # set by json_field
    try:
        value = None if text is None else json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return default
    return value if default is None or isinstance(value, type(default)) else default


def _write(field: "attrs.Attribute[Any]", value: Any) -> Any:
    if field.metadata.get("json") and value is not None:
        return json.dumps(value)
    return value
