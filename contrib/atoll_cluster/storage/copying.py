"""Copy the files of a folder into another folder, while sessions may change them."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from atoll_cluster.storage.folder_stack import FolderStack
from atoll_cluster.storage.path_walker import SAFE
from atoll_cluster.storage.traversal import StepKind, TraversalStep, opened, traverse

_PIECE = 8 * 1024 * 1024
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE
_UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.ESTALE, errno.ELOOP, errno.ENXIO})

Report = Callable[[int], None]
"""Called with the number of files and folders that were copied so far."""


@define
class CopyOmissions:
    """What a copy lacks: the number of entries, and the path of the first one with the reason."""

    count: int = 0
    first: str = ""

    def note(self, path: str, error: OSError) -> None:
        """Record one entry that cannot be copied."""
        self.count += 1
        self.first = self.first or f"{path}: {error.strerror}"

    def summary(self) -> str:
        """Return the end of a sentence that says what the copy lacks; empty if it is complete."""
        return f"; {self.count} could not be read (first {self.first})" * bool(self.count)


def copy(source: Path, target: Path, report: Report) -> CopyOmissions:
    """Copy the content of a folder into an empty one, with modes, times and symbolic links.

    Entries that disappear meanwhile, and special files, are skipped without a report. Returns what
    else could not be copied; raises OSError when the disk is full.
    """
    with opened(source) as old, opened(target) as new:
        return _Copy(old, new, report).run()


@define
class _Copy:
    source: int
    target: int
    report: Report
    omissions: CopyOmissions = field(factory=CopyOmissions)

    def run(self) -> CopyOmissions:
        with FolderStack.start(self.target) as stack:
            number = 0
            for step in traverse(self.source, self.omissions.note):
                while stack.depth > step.depth:
                    self._leave(step, stack)
                if step.kind is not StepKind.LEFT:
                    self._take(step, stack)
                    self.report(number := number + 1)
        return self.omissions

    def _leave(self, step: TraversalStep, stack: FolderStack) -> None:
        if step.kind is StepKind.LEFT and stack.depth == step.depth + 1:
            # Set the mode last: it may forbid to write into the folder.
            os.fchmod(stack.folder, stat.S_IMODE(step.status.st_mode) & 0o777)
            os.utime(stack.folder, ns=_times(step.status))
        stack.leave()

    def _take(self, step: TraversalStep, stack: FolderStack) -> None:
        if step.kind is StepKind.ENTERED:
            with suppress(FileExistsError):  # An entry that is renamed meanwhile may come twice.
                os.mkdir(step.name, 0o700, dir_fd=stack.folder)
            stack.enter(step.name)
            return
        try:
            _copy_entry(step, stack.folder)
        except (FileNotFoundError, FileExistsError):
            return
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            self.omissions.note(step.path, error)


def _copy_entry(step: TraversalStep, target: int) -> None:
    if stat.S_ISLNK(step.status.st_mode):
        os.symlink(os.readlink(step.name, dir_fd=step.folder), step.name, dir_fd=target)
    elif stat.S_ISREG(step.status.st_mode):
        old = os.open(step.name, os.O_RDONLY | SAFE, dir_fd=step.folder)
        try:
            _copy_file(old, step, target)
        finally:
            os.close(old)


def _copy_file(old: int, step: TraversalStep, target: int) -> None:
    new = os.open(step.name, _FRESH, 0o600, dir_fd=target)
    try:
        _copy_bytes(old, new)
        os.fchmod(new, stat.S_IMODE(step.status.st_mode) & 0o777)
        os.utime(new, ns=_times(step.status))
    finally:
        os.close(new)


def _copy_bytes(old: int, new: int) -> None:
    """Copy a file's bytes; holes of a sparse file are not filled."""
    end = os.fstat(old).st_size
    os.ftruncate(new, end)
    position = 0
    while (start := _data_after(old, position)) < end:
        position = os.lseek(old, start, os.SEEK_HOLE)
        _copy_range(old, new, start, position)


def _data_after(descriptor: int, position: int) -> int:
    """Return the offset of the next data from `position` on, `sys.maxsize` if there is none."""
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return sys.maxsize


def _copy_range(old: int, new: int, start: int, end: int) -> None:
    os.lseek(new, start, os.SEEK_SET)
    while start < end and (copied := os.sendfile(new, old, start, min(_PIECE, end - start))):
        start += copied


def _times(status: os.stat_result) -> tuple[int, int]:
    return status.st_atime_ns, status.st_mtime_ns
