"""The JSON of the official client: `{count, total_count, items}` for records, `{ok, msg, …}` for
changes.
"""

from collections.abc import Sequence
from typing import IO, Any

from atoll.output._columns import Column
from atoll.output._machine import encode
from atoll.output._writer import Writer


class Envelope(Writer):
    """One object around all records; a single record is in a list of one.

    The count comes before the records, so they are held until the end.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._items: list[dict[str, Any]] = []

    def row(self, values: Sequence[Any]) -> None:
        """Hold a record, with the official client's names."""
        self._items.append(_object(self.columns, values))

    def end(self) -> None:
        """Write the whole object."""
        count = len(self._items)
        total = count if self.total is None else self.total
        content = {"count": count, "total_count": total, "items": self._items}
        write_object(self.file, content)


def official_object(record: Any, columns: Sequence[Column]) -> dict[str, Any]:
    """Return a record with the official client's names of its fields."""
    return _object(columns, [column.get(record) for column in columns])


def _object(columns: Sequence[Column], values: Sequence[Any]) -> dict[str, Any]:
    pairs = zip(columns, values, strict=True)
    return {column.official_name: column.official(value) for column, value in pairs}


def write_object(file: IO[str], content: dict[str, Any]) -> None:
    """Write one object."""
    file.write(encode(content, indent=2) + "\n")
