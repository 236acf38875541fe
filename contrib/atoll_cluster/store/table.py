"""A table of one kind of record: find, list, add, change and delete."""

from collections.abc import Mapping, Sequence
from typing import Generic

import attrs
from attrs import field, frozen

from atoll_cluster.store.database import Database
from atoll_cluster.store.rows import Record, columns, from_row, insertion, written

# S608 below: the statements contain only names of our own records and tables.

_MOST_REMEMBERED = 256

Counts = dict[tuple[str, str, tuple[object, ...]], int]
"""A cache: how many rows of a table meet a condition; cleared at each change."""


@frozen
class Table(Generic[Record]):
    """A table whose columns are the fields of a record; `key` is its primary key.

    Tables whose conditions refer to each other must share `counts`, so that a change in one of
    them clears the cache of all.
    """

    db: Database
    name: str
    record: type[Record]
    key: str
    counts: Counts = field(factory=dict)

    def get(self, key: object) -> Record | None:
        """Return the record with this key."""
        return self.find(**{self.key: key})

    def find(self, **values: object) -> Record | None:
        """Return the first record that has all these values."""
        where = " AND ".join(f"{name} = ?" for name in values)
        found = self.select(where, tuple(values.values()), limit=1)
        return found[0] if found else None

    def select(
        self,
        where: str = "1",
        parameters: Sequence[object] = (),
        order: str | None = None,
        limit: int = -1,
        offset: int = 0,
    ) -> list[Record]:
        """Return records for a WHERE clause of this program, with bound values."""
        rows = self.db.rows(
            f"SELECT {columns(self.record)} FROM {self.name} WHERE {where} "  # noqa: S608
            f"ORDER BY {order or self.key} LIMIT ? OFFSET ?",
            (*parameters, limit, offset),
        )
        return [from_row(self.record, row) for row in rows]

    def count(self, where: str = "1", parameters: Sequence[object] = ()) -> int:
        """Count the records for a WHERE clause of this program, with bound values."""
        asked = self.name, where, tuple(parameters)
        if asked not in self.counts:
            found = self.db.value(f"SELECT count(*) FROM {self.name} WHERE {where}", parameters)  # noqa: S608
            number = found if isinstance(found, int) else 0
            if self.db.in_transaction:
                return number
            if len(self.counts) >= _MOST_REMEMBERED:
                self.counts.clear()
            self.counts[asked] = number
        return self.counts[asked]

    def add(self, record: Record) -> None:
        """Insert a record; raises sqlite3.IntegrityError if a unique value exists already."""
        self.counts.clear()
        self.db.execute(*insertion(self.name, record))

    def update(self, key: object, changes: Mapping[str, object]) -> bool:
        """Write fields of the record with this key; returns whether it exists."""
        if not changes:
            return self.get(key) is not None
        self.counts.clear()
        names = ", ".join(f"{name} = ?" for name in self._known(changes))
        values = written(self.record, changes).values()
        sql = f"UPDATE {self.name} SET {names} WHERE {self.key} = ?"  # noqa: S608
        return self.db.execute(sql, (*values, key)) > 0

    def delete(self, key: object) -> bool:
        """Delete the record with this key; returns whether it existed."""
        self.counts.clear()
        return self.db.execute(f"DELETE FROM {self.name} WHERE {self.key} = ?", (key,)) > 0  # noqa: S608

    def _known(self, changes: Mapping[str, object]) -> Mapping[str, object]:
        unknown = changes.keys() - attrs.fields_dict(self.record).keys()
        if unknown:
            raise AttributeError(f"{self.name} have no {', '.join(sorted(unknown))}")
        return changes
