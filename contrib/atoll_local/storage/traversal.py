"""All that is in a folder, one thing after the other, whatever its depth.

What counts, copies, packs and removes trees goes by this. It is a loop, since what sessions make
may be deeper than any recursion, and it holds no more than the names of the folders still to come.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from attrs import define, field, frozen

from atoll_local.storage.descent import Descent, MovedError
from atoll_local.storage.walk import FOLDER, SAFE

Failed = Callable[[str, OSError], None]
"""Told the path of what could not be looked at, seen from the start, and why."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What is said of a folder that is one no longer."""


class Kind(Enum):
    """What a step has come to."""

    ENTRY = auto()
    """Something that is no folder."""
    ENTERED = auto()
    """A folder; what is in it comes next."""
    LEFT = auto()
    """A folder all of which has come."""


@frozen
class Step:
    """One step; good until the next is taken.

    `folder` is a descriptor: of the folder that `name` lies in, or of the one just entered. `depth`
    is how many folders lie between the start and the thing. Links are not followed.
    """

    kind: Kind
    folder: int
    name: str
    status: os.stat_result
    depth: int
    _way: Descent

    @property
    def path(self) -> str:
        """The path from the start, which may be longer than the system takes."""
        return "/".join((*self._way.names[: self.depth], self.name))


def ignore(path: str, error: OSError) -> None:
    """Pass over what can't be looked at."""


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Open a folder of the host; raises OSError."""
    descriptor = os.open(folder, FOLDER | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def steps_in(folder: Path) -> Iterator[Step]:
    """Yield all that is beneath a folder of the host; nothing when it can't be opened."""
    try:
        with opened(folder) as start:
            yield from traverse(start)
    except OSError:
        return


def traverse(start: int, failed: Failed = ignore, *, unlock: bool = False) -> Iterator[Step]:
    """Yield all that is beneath an open folder, things before folders, folders by name.

    What can't be opened, or is moved away meanwhile, is told to `failed` and left out, what goes
    away meanwhile is left out. With `unlock`, folders are opened that are closed to their owner,
    and those where another file system begins are left out.
    """
    with Descent.start(start) as way:
        yield from _Traversal(way, failed, unlock).run()


@define
class _Traversal:
    _way: Descent
    _failed: Failed
    _unlock: bool
    _ahead: list[list[str]] = field(factory=list)
    """For each folder on the way, the folders in it that are still to come."""
    _statuses: list[os.stat_result] = field(factory=list)

    def run(self) -> Iterator[Step]:
        yield from self._look()
        while self._ahead:
            if self._ahead[-1]:
                yield from self._enter(self._ahead[-1].pop())
            elif self._statuses:
                yield from self._leave()
            else:
                return

    def _look(self) -> Iterator[Step]:
        folders: list[str] = []
        self._ahead.append(folders)
        way = self._way
        try:
            with os.scandir(way.folder) as entries:
                for entry in entries:
                    status = _status(entry)
                    if status is None:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.name)
                    else:
                        yield Step(Kind.ENTRY, way.folder, entry.name, status, way.depth, way)
        except OSError as error:
            self._failed("/".join(way.names), error)
        folders.sort(reverse=True)

    def _enter(self, name: str) -> Iterator[Step]:
        way, depth = self._way, self._way.depth
        try:
            if self._unlock:
                _check_no_mount(name, way.folder)
                unlock(name, way.folder)
            way.enter(name)
        except OSError as error:
            if error.errno not in _GONE:
                self._failed("/".join((*way.names, name)), error)
            return
        status = os.fstat(way.folder)
        self._statuses.append(status)
        yield Step(Kind.ENTERED, way.folder, name, status, depth, way)
        yield from self._look()

    def _leave(self) -> Iterator[Step]:
        self._ahead.pop()
        status, path = self._statuses.pop(), "/".join(self._way.names)
        try:
            name = self._way.leave()
        except MovedError as error:
            self._failed(path, error)
            del self._ahead[self._way.depth + 1 :], self._statuses[self._way.depth :]
            return
        yield Step(Kind.LEFT, self._way.folder, name, status, self._way.depth, self._way)


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlock(name: str, parent: int) -> None:
    """Let a folder be looked into and changed that a session has locked against itself."""
    folder = os.open(name, os.O_PATH | FOLDER | SAFE, dir_fd=parent)
    try:
        if os.fstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            Path(f"/proc/self/fd/{folder}").chmod(0o700)
    finally:
        os.close(folder)


def _check_no_mount(name: str, parent: int) -> None:
    """Raise OSError where another file system begins: it is somebody else's."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if status.st_dev != os.fstat(parent).st_dev:
        raise OSError(errno.EBUSY, "another file system is mounted there")
