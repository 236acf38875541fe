"""Traverse a folder tree of any depth, one entry at a time.

Functions that count, copy, pack or remove trees use it. It is a loop, because sessions can create
trees that are too deep for recursion. In memory it keeps only the names of folders still to visit.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

from attrs import define, field, frozen

from atoll_cluster.storage.folder_stack import FolderStack, MovedError
from atoll_cluster.storage.path_walker import FOLDER, SAFE

Failed = Callable[[str, OSError], None]
"""Called with the path, relative to the start, of an entry that cannot be read, and the error."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""The errors for a folder that was removed or replaced meanwhile."""


class StepKind(Enum):
    """What a step of the traversal visits."""

    ENTRY = auto()
    """A file, link or other entry that is not a folder."""
    ENTERED = auto()
    """A folder, before its entries."""
    LEFT = auto()
    """A folder, after all its entries."""


@frozen
class TraversalStep:
    """One step of a traversal; valid until the next step.

    `folder` is the descriptor of the folder that contains `name`, or, for `ENTERED`, of the folder
    itself. `depth` is the number of folders between the start and the entry. Links are not
    followed.
    """

    kind: StepKind
    folder: int
    name: str
    status: os.stat_result
    depth: int
    _stack: FolderStack

    @property
    def path(self) -> str:
        """The path relative to the start, which may be longer than the system accepts."""
        return "/".join((*self._stack.names[: self.depth], self.name))


def ignore(path: str, error: OSError) -> None:
    """Do nothing: entries that cannot be read are skipped."""


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Open a folder of the host; raises OSError."""
    descriptor = os.open(folder, FOLDER | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def steps_in(folder: Path) -> Iterator[TraversalStep]:
    """Yield all entries below a folder of the host; none if it cannot be opened."""
    try:
        with opened(folder) as start:
            yield from traverse(start)
    except OSError:
        return


def traverse(
    start: int, failed: Failed = ignore, *, unlock: bool = False
) -> Iterator[TraversalStep]:
    """Yield all entries below an open folder: files before subfolders, subfolders by name.

    Folders that cannot be opened, or are moved meanwhile, are reported to `failed` and skipped;
    entries that disappear meanwhile are skipped. With `unlock`, folders whose owner has no
    permissions on them are made accessible, and mounted file systems are skipped.
    """
    with FolderStack.start(start) as stack:
        yield from _Traversal(stack, failed, unlock).run()


@define
class _Traversal:
    _stack: FolderStack
    _failed: Failed
    _unlock: bool
    _ahead: list[list[str]] = field(factory=list)
    """For each folder on the stack, the names of its subfolders that are still to visit."""
    _statuses: list[os.stat_result] = field(factory=list)

    def run(self) -> Iterator[TraversalStep]:
        yield from self._read_folder()
        while self._ahead:
            if self._ahead[-1]:
                yield from self._enter(self._ahead[-1].pop())
            elif self._statuses:
                yield from self._leave()
            else:
                return

    def _read_folder(self) -> Iterator[TraversalStep]:
        folders: list[str] = []
        self._ahead.append(folders)
        stack = self._stack
        try:
            with os.scandir(stack.folder) as entries:
                for entry in entries:
                    status = _status(entry)
                    if status is None:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(entry.name)
                    else:
                        yield TraversalStep(
                            StepKind.ENTRY, stack.folder, entry.name, status, stack.depth, stack
                        )
        except OSError as error:
            self._failed("/".join(stack.names), error)
        folders.sort(reverse=True)

    def _enter(self, name: str) -> Iterator[TraversalStep]:
        stack, depth = self._stack, self._stack.depth
        try:
            if self._unlock:
                _check_no_mount(name, stack.folder)
                unlock(name, stack.folder)
            stack.enter(name)
        except OSError as error:
            if error.errno not in _GONE:
                self._failed("/".join((*stack.names, name)), error)
            return
        status = os.fstat(stack.folder)
        self._statuses.append(status)
        yield TraversalStep(StepKind.ENTERED, stack.folder, name, status, depth, stack)
        yield from self._read_folder()

    def _leave(self) -> Iterator[TraversalStep]:
        self._ahead.pop()
        status, path = self._statuses.pop(), "/".join(self._stack.names)
        try:
            name = self._stack.leave()
        except MovedError as error:
            self._failed(path, error)
            del self._ahead[self._stack.depth + 1 :], self._statuses[self._stack.depth :]
            return
        yield TraversalStep(
            StepKind.LEFT, self._stack.folder, name, status, self._stack.depth, self._stack
        )


def _status(entry: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def unlock(name: str, parent: int) -> None:
    """Make a folder accessible to its owner, whose permissions a session may have removed."""
    folder = os.open(name, os.O_PATH | FOLDER | SAFE, dir_fd=parent)
    try:
        if os.fstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            Path(f"/proc/self/fd/{folder}").chmod(0o700)
    finally:
        os.close(folder)


def _check_no_mount(name: str, parent: int) -> None:
    """Raise OSError if another file system is mounted here: its files must not be removed."""
    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if status.st_dev != os.fstat(parent).st_dev:
        raise OSError(errno.EBUSY, "another file system is mounted there")
