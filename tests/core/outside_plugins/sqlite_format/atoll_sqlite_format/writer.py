"""A database in memory, which is written when it is whole."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from atoll.output import Column, Writer


class Sqlite(Writer):
    """Writes a database with one table, `records`, whose columns are those of the list."""

    binary = True

    def begin(self, columns: Sequence[Column], *, single: bool) -> None:
        """Make the table."""
        super().begin(columns, single=single)
        self._database = sqlite3.connect(":memory:")
        names = ", ".join(_quoted(column.name) for column in columns)
        self._database.execute(f"CREATE TABLE records ({names})")

    def row(self, values: Sequence[Any]) -> None:
        """Add a record; what SQLite has no type for becomes JSON."""
        marks = ", ".join("?" * len(values))
        line = f"INSERT INTO records VALUES ({marks})"  # noqa: S608  # holds question marks alone
        self._database.execute(line, [_plain(value) for value in values])

    def end(self) -> None:
        """Write the database."""
        with closing(self._database) as database:
            database.commit()
            self.write_bytes(database.serialize())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bytes):
        return value
    return json.dumps(value, default=str)
