"""Open the store at the start: wait if it is locked; on other errors, tell the user what to do."""

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from atoll_cluster.paths import DataDir, StartError, write_private
from atoll_cluster.store.errors import StoreBusy, StoreDamaged, StoreError, StoreTooNew
from atoll_cluster.store.store import Store

_log = logging.getLogger(__name__)

LOCK_TIMEOUT = 60.0
"""Seconds to wait at the start if another program has locked the database."""
_POLL = 0.1
_BEHIND = ("", "-wal")
"""The endings of the database's file names."""


def open_store(data: DataDir, patience: float = LOCK_TIMEOUT) -> Store:
    """Open the store of a data folder; raises StartError with advice."""
    give_up = time.monotonic() + patience
    is_told = False
    while True:
        try:
            return Store.open(data.database)
        except StoreBusy as error:
            if time.monotonic() > give_up:
                advice = f"end the program that uses {data.database}, and start again"
                raise StartError(f"{error}; {advice}") from error
            if not is_told:
                _log.warning("%s; waiting for it", error)
            is_told = True
        except StoreError as error:
            raise StartError(_advice(data, error)) from error
        time.sleep(_POLL)


@contextmanager
def as_start_errors(data: DataDir) -> Iterator[None]:
    """Convert errors that prevent a start to StartError."""
    try:
        yield
    except StoreError as error:
        raise StartError(_advice(data, error)) from error
    except OSError as error:
        raise StartError(f"cannot use {error.filename or data.root}: {error.strerror}") from error


@contextmanager
def unwrapped_start_errors() -> Iterator[None]:
    """Raise a StartError directly if it comes in an exception group of tasks."""
    try:
        yield
    except ExceptionGroup as group:
        found: BaseException | None = group.subgroup(StartError)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is None:
            raise
        raise found from group


def _advice(data: DataDir, error: StoreError) -> str:
    if isinstance(error, StoreDamaged):
        kept = f"a copy of it is kept as {_copy(data)}"
        return f"{error}; {kept}, and atoll local reset deletes all data"
    if isinstance(error, StoreTooNew):
        return f"{error}; install that release again, or delete all data with atoll local reset"
    return str(error)


def _copy(data: DataDir) -> Path:
    """Copy a damaged database to a place that a reset does not delete; returns the copy.

    If the database was copied already, this returns the earlier copy.
    """
    note = data.root / "damaged"
    with suppress(OSError):
        if (known := Path(note.read_text("utf-8"))).is_file():
            return known
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    copy = data.root.with_name(f"{data.root.name}-damaged-{now}.sqlite3")
    try:
        for end in _BEHIND:
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{data.database}{end}", f"{copy}{end}")
        write_private(note, str(copy))
    except OSError as error:
        raise StartError(
            f"The database is damaged, and no copy of it can be kept ({error.strerror}): "
            f"copy {data.database} elsewhere; then atoll local reset deletes all data"
        ) from error
    return copy
