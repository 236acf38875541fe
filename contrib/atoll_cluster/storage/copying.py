"""A folder's files copied into another folder, while sessions may be changing them."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from atoll_cluster.storage.descent import Descent
from atoll_cluster.storage.path_walker import SAFE
from atoll_cluster.storage.traversal import StepKind, TraversalStep, opened, traverse

_PIECE = 8 * 1024 * 1024
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE
_UNREADABLE = frozenset({errno.EACCES, errno.EPERM, errno.ESTALE, errno.ELOOP, errno.ENXIO})

Report = Callable[[int], None]
"""Told how many files and folders were copied so far."""


@define
class LeftOut:
    """What a copy lacks: how many things, and the path of the first with the reason."""

    count: int = 0
    first: str = ""

    def note(self, path: str, error: OSError) -> None:
        """Take down one thing that can't be copied."""
        self.count += 1
        self.first = self.first or f"{path}: {error.strerror}"

    def told(self) -> str:
        """Say what the copy lacks, to go on after what it is; nothing if it lacks nothing."""
        return f", but for {self.count} that can't be read (first {self.first})" * bool(self.count)


def copy(source: Path, target: Path, report: Report) -> LeftOut:
    """Copy what is in a folder into another, which is empty, with modes and times, links as links.

    What goes away meanwhile is not missed, nor is what is neither file, folder nor link. Returns
    what else was left out; raises OSError when the disk is full.
    """
    with opened(source) as old, opened(target) as new:
        return _Copy(old, new, report).run()


@define
class _Copy:
    source: int
    target: int
    report: Report
    left_out: LeftOut = field(factory=LeftOut)

    def run(self) -> LeftOut:
        with Descent.start(self.target) as place:
            number = 0
            for step in traverse(self.source, self.left_out.note):
                while place.depth > step.depth:
                    self._leave(step, place)
                if step.kind is not StepKind.LEFT:
                    self._take(step, place)
                    self.report(number := number + 1)
        return self.left_out

    def _leave(self, step: TraversalStep, place: Descent) -> None:
        if step.kind is StepKind.LEFT and place.depth == step.depth + 1:
            # Not before now: a folder that is closed to its owner takes nothing in.
            os.fchmod(place.folder, stat.S_IMODE(step.status.st_mode) & 0o777)
            os.utime(place.folder, ns=_times(step.status))
        place.leave()

    def _take(self, step: TraversalStep, place: Descent) -> None:
        if step.kind is StepKind.ENTERED:
            with suppress(FileExistsError):  # What is renamed meanwhile may come twice.
                os.mkdir(step.name, 0o700, dir_fd=place.folder)
            place.enter(step.name)
            return
        try:
            _copy_entry(step, place.folder)
        except (FileNotFoundError, FileExistsError):
            return
        except OSError as error:
            if error.errno not in _UNREADABLE:
                raise
            self.left_out.note(step.path, error)


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
    """Copy a file's bytes, its holes as holes."""
    end = os.fstat(old).st_size
    os.ftruncate(new, end)
    position = 0
    while (start := _data_after(old, position)) < end:
        position = os.lseek(old, start, os.SEEK_HOLE)
        _copy_range(old, new, start, position)


def _data_after(descriptor: int, position: int) -> int:
    """Return where the next bytes are that are no hole; past the end when there are none."""
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
