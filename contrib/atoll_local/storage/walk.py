"""The walk to a file that nobody can lead astray, whatever is swapped underneath meanwhile.

Each name is opened from the descriptor of the folder above it, with O_NOFOLLOW. Links are followed
by hand, and where they may lead is what kinds of walks differ in.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY
# A FIFO must not block us, a terminal must not become ours.
SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_LINKS = 40


class Walk(ABC):
    """Walks from `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @abstractmethod
    def follow(self, above: Sequence[str], target: str, rest: Sequence[str]) -> Sequence[str]:
        """Return the names, from the root on, that a link among names leads to; raises if none."""

    def enter(self, names: Sequence[str], flags: int) -> int | None:  # noqa: ARG002 - for others
        """Return a descriptor of what lies at these names in place of what is on the disk."""
        return None

    def descriptor(self, names: Sequence[str], flags: int, mode: int = 0o644) -> int:
        """Open the last of the names, the root itself for none; raises OSError."""
        for _ in range(_MAX_LINKS):
            found = self._walk(names, flags, mode)
            if isinstance(found, int):
                return found
            names = found
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _walk(self, names: Sequence[str], flags: int, mode: int) -> int | Sequence[str]:
        """Return a descriptor of the last name, or the names to go on with when a link was met."""
        folder = os.open(self.root, FOLDER | os.O_CLOEXEC)
        try:
            for position, name in enumerate(names):
                opened = self.enter(names[: position + 1], flags)
                if opened is None:
                    if (target := _link_target(name, folder)) is not None:
                        return self.follow(names[:position], target, names[position + 1 :])
                    step = flags if position == len(names) - 1 else FOLDER
                    opened = os.open(name, step | SAFE, mode, dir_fd=folder)
                os.close(folder)
                folder = opened
            return os.dup(folder)
        finally:
            os.close(folder)


def _link_target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None
