"""The history file: its format, and how it is read and written.

It has one JSON object a line, of two kinds. A typed line: `at`, seconds since 1970; `line`, which
may hold line breaks; `id`, unique; `cwd`, the folder. The end of a line: the same `id`, `code`, the
exit code, and `took`, in seconds. Older files have `at` and `line` alone.

All prompts append to the same file. A lock prevents this while one of them rewrites the file.
"""

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from attrs import define, evolve

from atoll._paths import Paths
from atoll._private_files import make_private, write_atomic

_LOCKED = 1.0
"""Seconds to wait for the lock; a stopped process may hold it."""
_STEP = 0.02
_MOST_READ = 64 * 1024 * 1024
"""Bytes at the end of the file that are read."""
_LONGEST = 1024 * 1024
"""The longest entry in characters; no typed line is longer."""
_LATEST = 1e11
"""The latest time that is accepted, in seconds since 1970."""


@define(frozen=True)
class Entry:
    """A typed line: when and where it was typed, and how it ended, as far as that is known."""

    at: float
    line: str
    id: str = ""
    folder: str = ""
    exit_code: int | None = None
    seconds: float | None = None

    def written(self) -> dict[str, Any]:
        """Return the entry as a record of the file; unknown values are left out."""
        known = {
            "at": round(self.at, 3),
            "line": self.line,
            "id": self.id or None,
            "cwd": self.folder or None,
            "code": self.exit_code,
            "took": self.seconds,
        }
        return {key: value for key, value in known.items() if value is not None}


def history_file(paths: Paths) -> Path:
    """Return the path of the history file."""
    return paths.state / "history.jsonl"


def read_entries(path: Path) -> list[Entry]:
    """Return the stored lines, oldest first."""
    found: dict[str, Entry] = {}
    with suppress(OSError), _open(path) as file:
        for number, text in enumerate(file):
            if (record := _record(text)) is None:
                continue
            if "line" in record:
                found[record.get("id") or str(number)] = _entry(record)
            elif entry := found.get(record.get("id", "")):
                found[entry.id] = evolve(entry, **_ending(record))
    return list(found.values())


def _open(path: Path) -> TextIO:
    """Open the file; if it is very long, near its end. Raises OSError if it is not a regular file,
    without waiting for a FIFO.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, encoding="utf-8", errors="replace")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a file")
    file.seek(max(0, status.st_size - _MOST_READ))
    return file


def _record(text: str) -> dict[str, Any] | None:
    """Return the object in a line of the file; None for an incomplete line, or any other text."""
    if len(text) > _LONGEST:
        return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("id", ""), str):
        return None
    at, line = record.get("at"), record.get("line", "")
    timed = isinstance(at, int | float) and 0 <= at < _LATEST
    return record if isinstance(line, str) and (timed or "line" not in record) else None


def _entry(record: dict[str, Any]) -> Entry:
    folder = record.get("cwd")
    return Entry(
        at=float(record["at"]),
        line=record["line"],
        id=record.get("id", ""),
        folder=folder if isinstance(folder, str) else "",
        **_ending(record),
    )


def _ending(record: dict[str, Any]) -> dict[str, Any]:
    code, took = record.get("code"), record.get("took")
    return {
        "exit_code": code if isinstance(code, int) else None,
        "seconds": float(took) if isinstance(took, int | float) else None,
    }


def append(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Append records to the file, each on a line of its own; raises OSError."""
    text = "".join(json.dumps(record) + "\n" for record in records)
    with locked(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(path, flags, 0o600), "rb+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            # If the machine has crashed, the last line may be incomplete.
            torn = size > 0 and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write(("\n" * torn + text).encode())


def cut(path: Path, size: int) -> None:
    """Keep only the newest `size` lines; raises OSError."""
    with locked(path) as is_ours:
        if is_ours:
            kept = read_entries(path)[-size:] if size else []
            write_atomic(path, "".join(json.dumps(one.written()) + "\n" for one in kept))


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock of the file in the block; yields whether it was free in time."""
    make_private(path.parent)
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _lock(lock)
    finally:
        os.close(lock)


def _lock(lock: int) -> bool:
    deadline = time.monotonic() + _LOCKED
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(_STEP)
        else:
            return True
