"""Traverse a folder tree of any depth, one entry after the other.

Counting, copying, packing and removing trees use it. It is a loop, since sessions can make trees
deeper than recursion allows, and it holds no more than the names of the folders still to visit.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from attrs import define, field, frozen

from atoll_cluster.storage.descent import Descent, MovedError
from atoll_cluster.storage.path_walker import FOLDER, SAFE

Failed = Callable[[str, OSError], None]
"""Told the path of what could not be looked at, seen from the start, and why."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What is said of a folder that is one no longer."""


class StepKind(Enum):
    """What a step of the traversal visits."""

    ENTRY = auto()
    """A file, link or other entry that is no folder."""
    ENTERED = auto()
    """A folder, before its entries."""
    LEFT = auto()
    """A folder, after all its entries."""


@frozen
class TraversalStep:
    """One step of a traversal; valid until the next step.

    `folder` is a descriptor: of the folder that `name` lies in, or of the one just entered. `depth`
    is the number of folders between the start and the entry. Links are not followed.
    """

    kind: StepKind
    folder: int
    name: str
    status: os.stat_result
    depth: int
    _descent: Descent

    @property
    def path(self) -> str:
        """The path from the start, which may be longer than the system takes."""
        return "/".join((*self._descent.names[: self.depth], self.name))


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


def steps_in(folder: Path) -> Iterator[TraversalStep]:
    """Yield all that is beneath a folder of the host; nothing when it can't be opened."""
    try:
        with opened(folder) as start:
            yield from traverse(start)
    except OSError:
        return


def traverse(
    start: int, failed: Failed = ignore, *, unlock: bool = False
) -> Iterator[TraversalStep]:
    """Yield all that is beneath an open folder, things before folders, folders by name.

    What can't be opened, or is moved away meanwhile, is told to `failed` and left out, what goes
    away meanwhile is left out. With `unlock`, folders are opened that are closed to their owner,
    and those where another file system begins are left out.
    """
    with Descent.start(start) as way:
        yield from _Traversal(way, failed, unlock).run()


@define
class _Traversal:
    _descent: Descent
    _failed: Failed
    _unlock: bool
    _ahead: list[list[str]] = field(factory=list)
    """For each folder on the way, the folders in it that are still to come."""
    _statuses: list[os.stat_result] = field(factory=list)

    def run(self) -> Iterator[TraversalStep]:
        yield from self._look()
        while self._ahead:
            if self._ahead[-1]:
                yield from self._enter(self._ahead[-1].pop())
            elif self._statuses:
                yield from self._leave()
            else:
                return

    def _look(self) -> Iterator[TraversalStep]:
        folders: list[str] = []
        self._ahead.append(folders)
        way = self._descent
        try:
            with os.scandir(way.folder) as entries:
                for entry in entries:
                    status = _status(entry)
                    if status is None:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.name)
                    else:
                        yield TraversalStep(
                            StepKind.ENTRY, way.folder, entry.name, status, way.depth, way
                        )
        except OSError as error:
            self._failed("/".join(way.names), error)
        folders.sort(reverse=True)

    def _enter(self, name: str) -> Iterator[TraversalStep]:
        way, depth = self._descent, self._descent.depth
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
        yield TraversalStep(StepKind.ENTERED, way.folder, name, status, depth, way)
        yield from self._look()

    def _leave(self) -> Iterator[TraversalStep]:
        self._ahead.pop()
        status, path = self._statuses.pop(), "/".join(self._descent.names)
        try:
            name = self._descent.leave()
        except MovedError as error:
            self._failed(path, error)
            del self._ahead[self._descent.depth + 1 :], self._statuses[self._descent.depth :]
            return
        yield TraversalStep(
            StepKind.LEFT, self._descent.folder, name, status, self._descent.depth, self._descent
        )


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
