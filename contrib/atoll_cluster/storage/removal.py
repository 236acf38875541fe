"""Remove folder trees permanently, including folders whose owner has no permissions on them."""

import errno
import os
import stat
from pathlib import Path

from attrs import define

from atoll_cluster.storage.path_walker import FOLDER, SAFE
from atoll_cluster.storage.traversal import StepKind, traverse, unlock

_PASSES = 8
"""How many times the removal is tried while others add or move files."""

_TRANSIENT = frozenset({errno.ENOTEMPTY, errno.ESTALE})
"""The errors for folders that somebody is still changing."""


class RemovalError(OSError):
    """Some entries could not be removed; `filename` is the first one, `count` their number."""

    def __init__(self, error: OSError, path: str, count: int) -> None:
        super().__init__(error.errno, error.strerror, path)
        self.count = count


def remove(path: Path) -> None:
    """Remove a folder with its content, or a file; does nothing if it does not exist.

    This removes as much as possible, and then raises RemovalError if something remains.
    """
    try:
        parent = os.open(path.parent, FOLDER | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_at(path.name, parent, str(path))
    finally:
        os.close(parent)


def remove_at(name: str, parent: int, shown: str) -> None:
    """Remove the entry `name` of an open folder; `shown` is its path in errors."""
    for _ in range(_PASSES):
        left = _Left(shown)
        _remove_once(name, parent, left)
        if left.error is None:
            return
        if left.error.errno not in _TRANSIENT:
            break
    raise left.as_error()


@define
class _Left:
    """What one pass could not remove; `error` is the first permanent one, if there is any."""

    shown: str
    error: OSError | None = None
    path: str = ""
    count: int = 0

    def note(self, path: str, error: OSError) -> None:
        """Record one entry that remains; a folder that is not empty is not counted."""
        if isinstance(error, FileNotFoundError):
            return
        self.count += error.errno != errno.ENOTEMPTY
        if self.error is None or (self.error.errno in _TRANSIENT and error.errno not in _TRANSIENT):
            self.error, self.path = error, path

    def as_error(self) -> RemovalError:
        """Return the error to raise."""
        assert self.error is not None  # noqa: S101 - called only after an error
        path = f"{self.shown}/{self.path}" if self.path else self.shown
        return RemovalError(self.error, path, max(self.count, 1))


def _remove_once(name: str, parent: int, left: _Left) -> None:
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            unlock(name, parent)
            _empty(name, parent, left)
            os.rmdir(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)
    except OSError as error:
        left.note("", error)


def _empty(name: str, parent: int, left: _Left) -> None:
    folder = os.open(name, FOLDER | SAFE, dir_fd=parent)
    try:
        for step in traverse(folder, left.note, unlock=True):
            try:
                if step.kind is StepKind.ENTRY:
                    os.unlink(step.name, dir_fd=step.folder)
                elif step.kind is StepKind.LEFT:
                    os.rmdir(step.name, dir_fd=step.folder)
            except OSError as error:
                left.note(step.path, error)
    finally:
        os.close(folder)
