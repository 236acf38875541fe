"""Errors of the store itself, independent of the query.

An error of one statement (a value that must be unique exists already, another row still refers to
a row) remains an error of `sqlite3`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_PRIMARY = 0xFF
"""The bits of an extended error code that contain the primary code."""
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FULL = {
    sqlite3.SQLITE_FULL,
    # SQLite returns these if the disk is full when it flushes or maps data.
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
_UNREACHABLE = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOLFS,
}
_NO_TEXT = "Could not decode"
"""The start of the error that Python's module raises for a text that is not UTF-8."""


class StoreError(Exception):
    """The store cannot execute the statement; nothing was changed, and the text says why."""


class StoreUnavailable(StoreError):
    """The store cannot be used at present: try again later."""


class StoreBusy(StoreUnavailable):
    """Another program has locked the file."""


class StoreFull(StoreUnavailable):
    """No space is left on the disk of the file."""


class StoreDamaged(StoreError):
    """The file is not a database, or is incomplete: a retry does not help."""


class StoreTooNew(StoreError):
    """The file was written by a later release than this one."""


@contextmanager
def translating_errors() -> Iterator[None]:
    """Convert SQLite errors about the store itself to StoreError."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if found := _store_error(error):
            raise found from error
        raise


def _store_error(error: sqlite3.DatabaseError) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    kind = code & _PRIMARY
    if kind in _BUSY:
        return StoreBusy("The database is locked by another program")
    if _FULL & {code, kind}:
        return StoreFull("No space is left on the disk that holds the cluster's data")
    if kind in _UNREACHABLE:
        return StoreUnavailable(f"The database cannot be used: {error}")
    if kind in _DAMAGED or str(error).startswith(_NO_TEXT):
        return StoreDamaged(f"The database is damaged: {error}")
    return None
