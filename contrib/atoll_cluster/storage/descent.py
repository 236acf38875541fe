"""The way down into folders of any depth, by few descriptors and without paths.

A session may nest folders deeper than a path can be long, and rename them while we look. So each
folder is opened from the one above it, never through a link, and only the lowest are kept open: the
way back up leads through `..`, and whoever comes out elsewhere than it went in says so.
"""

import errno
import os
from typing import Self

from attrs import define, frozen

from atoll_cluster.storage.path_walker import FOLDER, SAFE

_MOST_OPEN = 32
"""Folders that one way down keeps open, whatever its depth."""

Identity = tuple[int, int]


class MovedError(OSError):
    """A folder was moved away while we were in it."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "it was moved meanwhile")


@define
class _Level:
    identity: Identity
    descriptor: int | None


@frozen
class Descent:
    """A way down from an open folder, which stays its giver's to close."""

    _levels: list[_Level]
    names: list[str]
    """The folders entered so far, the lowest last."""

    @classmethod
    def start(cls, folder: int) -> Self:
        """Stand in `folder`."""
        return cls([_Level(_identity(folder), os.dup(folder))], [])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for level in self._levels:
            _close(level)

    @property
    def folder(self) -> int:
        """A descriptor of the folder that we stand in, until we leave it."""
        descriptor = self._levels[-1].descriptor
        assert descriptor is not None  # noqa: S101 - the lowest is always open
        return descriptor

    @property
    def depth(self) -> int:
        """How many folders have been entered."""
        return len(self.names)

    def enter(self, name: str) -> None:
        """Go down into a folder; raises OSError when it is none, or may not be opened."""
        descriptor = os.open(name, FOLDER | SAFE, dir_fd=self.folder)
        self._levels.append(_Level(_identity(descriptor), descriptor))
        self.names.append(name)
        if len(self._levels) > _MOST_OPEN:
            # The first stays open: from there one can always begin anew.
            _close(self._levels[len(self._levels) - _MOST_OPEN])

    def leave(self) -> str:
        """Go back up; returns the name of the folder that was left.

        Raises MovedError when that folder, or one above it, was moved away: then we stand in the
        nearest folder above that is open still.
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
