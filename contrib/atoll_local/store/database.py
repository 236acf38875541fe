"""The SQLite file: opened in WAL mode, at the newest schema, used from the event loop's thread.

Statements run in the loop's own thread on purpose: each touches a handful of rows by index and
takes well under a millisecond, less than handing it to a worker thread and back, and a single
thread means that no state can change between reading it and writing what follows from it.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from atoll_local.store.migrations import MIGRATIONS

_PRIMARY = 0xFF
"""The part of an error code that tells its kind."""

Parameters = Sequence[object] | Mapping[str, object]


def is_full(error: sqlite3.Error) -> bool:
    """Say whether a statement has failed because no space is left on the disk."""
    return error.sqlite_errorcode & _PRIMARY in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}


class Database:
    """A connection; what a statement has written, a killed program does not lose."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`; raises sqlite3.DatabaseError if it is no database."""
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._migrate()

    def _migrate(self) -> None:
        version = self.value("PRAGMA user_version")
        assert isinstance(version, int)  # noqa: S101 - SQLite always has a number here
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;"
            )

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; returns the number of rows it changed."""
        return self._connection.execute(sql, parameters).rowcount

    def note(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement that nothing depends on: a full disk does not stop the caller."""
        try:
            self.execute(sql, parameters)
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return every row that the query gives."""
        return self._connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row that the query gives."""
        found: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
        return found

    def value(self, sql: str, parameters: Parameters = ()) -> object:
        """Return the first column of the first row, None when there is no row."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make the statements in the block happen together or not at all; blocks may nest."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._roll_back()
            raise
        self._connection.execute("COMMIT")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # which a full disk has ended already
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file; SQLite folds the write-ahead log into it."""
        self._connection.close()
