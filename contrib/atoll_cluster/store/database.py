"""The SQLite file: newest schema, used only from the event loop's thread.

Statements run in the loop's own thread on purpose: each touches a handful of rows by index and
takes well under a millisecond, less than handing it to a worker thread and back, and a single
thread means that no state can change between reading it and writing what follows from it.

On a disk of this machine it has a write-ahead log. That needs memory that is shared by way of a
file, which network file systems do not promise: there it has a rollback journal, and is locked as
long as it is open.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from atoll_cluster.store.errors import StoreDamaged, StoreError, StoreTooNew, StoreUnavailable, told
from atoll_cluster.store.filesystem import is_networked
from atoll_cluster.store.migrations import MIGRATIONS

_LARGEST_CHECKED = 64 * 1024 * 1024
"""Bytes; what takes some hundred milliseconds to look over."""
_HERE = ("journal_mode=WAL",)
_ON_NETWORKS = ("locking_mode=EXCLUSIVE", "journal_mode=TRUNCATE")
_PATIENCE = 0.05
"""Seconds that a statement, and the whole program with it, waits for another program's lock."""

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
    """A connection; a killed program loses nothing that a statement has written.

    All that is asked of it raises StoreError when the file itself is in the way; then nothing was
    done, and nothing of the transaction around it either.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`, and bring it to the newest schema."""
        path.touch(mode=0o600)
        self.path = path
        self._depth = 0
        """How many blocks of `transaction` lie around what is asked now."""
        self._afterwards: list[Callable[[], object]] = []
        self._connection = sqlite3.connect(path, _PATIENCE, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        journal = _ON_NETWORKS if is_networked(path) else _HERE
        for pragma in (*journal, "synchronous=NORMAL", "foreign_keys=ON"):
            self.execute(f"PRAGMA {pragma}")
        self._check()
        self._migrate()

    def _check(self) -> None:
        """Raise StoreDamaged for a file whose parts don't fit together; takes longer than it opens,
        and so a large one is believed.
        """
        if self.path.stat().st_size <= _LARGEST_CHECKED:
            found = self.value("PRAGMA quick_check(1)")
            if found != "ok":
                raise StoreDamaged(f"The database is damaged: {' '.join(str(found).split())}")

    def _migrate(self) -> None:
        version = self.value("PRAGMA user_version")
        assert isinstance(version, int)  # noqa: S101 - SQLite always has a number here
        if version > len(MIGRATIONS):
            raise StoreTooNew(f"The database is from a newer atoll (schema {version})")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._take_step(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={number}; COMMIT;")

    def _take_step(self, script: str) -> None:
        try:
            with told():
                self._connection.executescript(script)
        except StoreError:
            self._undo(_TRANSACTION.undo)
            raise

    def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; returns the number of rows it changed."""
        return self._ask(sql, parameters, lambda cursor: cursor.rowcount)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return every row that the query gives."""
        return self._ask(sql, parameters, sqlite3.Cursor.fetchall)

    def row(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row that the query gives."""
        found: sqlite3.Row | None = self._ask(sql, parameters, sqlite3.Cursor.fetchone)
        return found

    def value(self, sql: str, parameters: Parameters = ()) -> object:
        """Return the first column of the first row, None when there is no row."""
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
        """Whether the present data may still be rolled back."""
        return self._depth > 0

    def afterwards(self, act: Callable[[], object]) -> None:
        """Call something after the commit; it is not called after a rollback."""
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
                with told():
                    self._connection.execute(statement)

    def _ask(self, sql: str, parameters: Parameters, read: Callable[[sqlite3.Cursor], T]) -> T:
        if self._depth and not self._connection.in_transaction:
            # An error was ignored: later statements would take effect without the earlier ones.
            raise StoreUnavailable("SQLite has rolled back the transaction")
        with told():
            return read(self._connection.execute(sql, parameters))

    def close(self) -> None:
        """Close the file; SQLite merges a write-ahead log into it."""
        self._connection.close()
