"""A stack of open folders: walks trees of any depth with few descriptors and without paths.

A session may nest folders deeper than the longest path, and rename them meanwhile. So the stack
opens each folder relative to its parent, and never follows a link. It keeps only the start folder
and the lowest folders open. To go up to a closed folder, it opens `..` and checks that this is the
same folder as before.
"""

import errno
import os
from typing import Self

from attrs import define, frozen

from atoll_cluster.storage.path_walker import FOLDER, SAFE

_MOST_OPEN = 32
"""The most folders that one stack keeps open."""

Identity = tuple[int, int]


class MovedError(OSError):
    """A folder on the stack was moved."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "it was moved meanwhile")


@define
class _Level:
    identity: Identity
    descriptor: int | None


@frozen
class FolderStack:
    """The folders from a start folder down to the current one; the caller closes the start."""

    _levels: list[_Level]
    names: list[str]
    """The names of the folders entered so far, the lowest last."""

    @classmethod
    def start(cls, folder: int) -> Self:
        """Return a stack whose start and current folder is `folder`, a descriptor."""
        return cls([_Level(_identity(folder), os.dup(folder))], [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels:
            _close(level)

    @property
    def folder(self) -> int:
        """The descriptor of the current folder, valid until the stack leaves it."""
        descriptor = self._levels[-1].descriptor
        assert descriptor is not None  # noqa: S101 - the lowest is always open
        return descriptor

    @property
    def depth(self) -> int:
        """How many folders have been entered."""
        return len(self.names)

    def enter(self, name: str) -> None:
        """Enter a subfolder; raises OSError if it is not a folder or cannot be opened."""
        descriptor = os.open(name, FOLDER | SAFE, dir_fd=self.folder)
        self._levels.append(_Level(_identity(descriptor), descriptor))
        self.names.append(name)
        if len(self._levels) > _MOST_OPEN:
            # The start folder stays open, so that the stack can always return to it.
            _close(self._levels[len(self._levels) - _MOST_OPEN])

    def leave(self) -> str:
        """Return to the parent folder; returns the name of the folder that was left.

        Raises MovedError if that folder, or one above it, was moved. Then the current folder is
        the nearest one above that is still open.
        """
        below = self._levels.pop()
        name = self.names.pop()
        try:
            if self._levels[-1].descriptor is None:
                self._open_above(below)
        finally:
            _close(below)
        return name

    def _open_above(self, below: _Level) -> None:
        level = self._levels[-1]
        try:
            assert below.descriptor is not None  # noqa: S101 - the lowest is always open
            found = os.open("..", FOLDER | SAFE, dir_fd=below.descriptor)
        except OSError:
            self._fall_back()
            raise MovedError from None
        if _identity(found) != level.identity:
            os.close(found)
            self._fall_back()
            raise MovedError
        level.descriptor = found

    def _fall_back(self) -> None:
        while self._levels[-1].descriptor is None:
            self._levels.pop()
            self.names.pop()


def _identity(descriptor: int) -> Identity:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _close(level: _Level) -> None:
    if level.descriptor is not None:
        os.close(level.descriptor)
        level.descriptor = None
