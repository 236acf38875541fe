"""The SQLite database: opens the file, updates its schema, and runs statements.

Statements run in the thread of the event loop on purpose. Each uses an index to reach a few rows,
and takes much less than a millisecond; passing it to a worker thread and back would take longer.
With a single thread, no data can change between reading it and writing what follows from it.

On a local disk, the database has a write-ahead log. The log needs a file that is mapped into shared
memory, and network file systems do not guarantee that this works. On them, the database has a
rollback journal, and the program locks the file as long as it is open.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from atoll_cluster.store.errors import (
    StoreDamaged,
    StoreError,
    StoreTooNew,
    StoreUnavailable,
    translating_errors,
)
from atoll_cluster.store.filesystem import is_networked
from atoll_cluster.store.migrations import MIGRATIONS

_LARGEST_CHECKED = 64 * 1024 * 1024
"""Bytes of the largest file that is checked when it is opened, in some hundred milliseconds."""
_HERE = ("journal_mode=WAL",)
_ON_NETWORKS = ("locking_mode=EXCLUSIVE", "journal_mode=TRUNCATE")
_TIMEOUT = 0.05
"""Seconds that a statement waits for the lock of another program; the event loop waits too."""

Parameters = Sequence[object] | Mapping[str, object]
T = TypeVar("T")


class _Block(NamedTuple):
    """The statements that begin and end a transaction or savepoint."""

    begin: str
    end: str
    undo: Sequence[str]


_TRANSACTION = _Block("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_SAVEPOINT = _Block("SAVEPOINT inner", "RELEASE inner", ("ROLLBACK TO inner", "RELEASE inner"))


class Database:
    """A connection to the file; if the program is killed, no completed statement is lost.

    All methods raise StoreError if the file itself cannot be used. Then neither the statement nor
    the transaction around it has changed anything.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`, and bring it to the newest schema."""
        path.touch(mode=0o600)
        self.path = path
        self._depth = 0
        """How many blocks of `transaction` surround the present statement."""
        self._afterwards: list[Callable[[], object]] = []
        self._connection = sqlite3.connect(path, _TIMEOUT, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        journal = _ON_NETWORKS if is_networked(path) else _HERE
        for pragma in (*journal, "synchronous=NORMAL", "foreign_keys=ON"):
            self.execute(f"PRAGMA {pragma}")
        self._check()
        self._migrate()

    def _check(self) -> None:
        """Raise StoreDamaged for a file whose parts are inconsistent.

        A large file is not checked, because this would take too long.
        """
        if self.path.stat().st_size <= _LARGEST_CHECKED:
            found = self.value("PRAGMA quick_check(1)")
            if found != "ok":
                raise StoreDamaged(f"The database is damaged: {' '.join(str(found).split())}")

    def _migrate(self) -> None:
        version = self.value("PRAGMA user_version")
        assert isinstance(version, int)  # noqa: S101 - SQLite always returns a number here
        if version > len(MIGRATIONS):
            raise StoreTooNew(f"The database is from a newer atoll (schema {version})")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._take_step(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")

    def _take_step(self, script: str) -> None:
        try:
            with translating_errors():
                self._connection.executescript(script)
        except StoreError:
            self._undo(_TRANSACTION.undo)
            raise

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; returns the number of rows it changed."""
        return self._ask(sql, parameters, lambda cursor: cursor.rowcount)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows of the query's result."""
        return self._ask(sql, parameters, sqlite3.Cursor.fetchall)

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row of the query's result, None if there is no row."""
        found: sqlite3.Row | None = self._ask(sql, parameters, sqlite3.Cursor.fetchone)
        return found

    def value(self, sql: str, parameters: Parameters = ()) -> object:
        """Return the first column of the first row, None if there is no row."""
        found = self.row(sql, parameters)
        return None if found is None else found[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the statements in the block together or not at all; blocks may be nested."""
        block = _SAVEPOINT if self._depth else _TRANSACTION
        known = len(self._afterwards)
        self.execute(block.begin)
        self._depth += 1
        try:
            yield
            self.execute(block.end)
        except BaseException:
            del self._afterwards[known:]
            self._undo(block.undo)
            raise
        finally:
            self._depth -= 1
        if not self._depth:
            self._follow_up()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, so that its changes may still be rolled back."""
        return self._depth > 0

    def afterwards(self, act: Callable[[], object]) -> None:
        """Call a function after the commit, or at once outside of a transaction.

        After a rollback, it is not called.
        """
        self._afterwards.append(act)
        if not self._depth:
            self._follow_up()

    def _follow_up(self) -> None:
        acts, self._afterwards = self._afterwards, []
        for act in acts:
            act()

    def _undo(self, statements: Sequence[str]) -> None:
        """Roll back the current block, unless SQLite has ended the whole transaction."""
        for statement in statements:
            if self._connection.in_transaction:
                with translating_errors():
                    self._connection.execute(statement)

    def _ask(self, sql: str, parameters: Parameters, read: Callable[[sqlite3.Cursor], T]) -> T:
        if self._depth and not self._connection.in_transaction:
            # An error was ignored: this statement would take effect without the earlier ones.
            raise StoreUnavailable("SQLite has rolled back the transaction")
        with translating_errors():
            return read(self._connection.execute(sql, parameters))

    def close(self) -> None:
        """Close the file; SQLite merges a write-ahead log into it."""
        self._connection.close()
