"""Resolve a path safely, even while a session replaces folders and links in it.

The walker opens each name relative to the descriptor of the folder above it, with O_NOFOLLOW. It
follows symbolic links itself instead of the system; subclasses decide where links may lead.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY
# Opening a FIFO must not block, and a terminal must not become the controlling terminal.
SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
LONGEST_PATH = 4095
"""The most bytes of a path that Linux accepts."""
_MAX_LINKS = 40


class PathWalker(ABC):
    """Opens paths below `root`, name by name."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @abstractmethod
    def follow(self, above: Sequence[str], target: str, rest: Sequence[str]) -> Sequence[str]:
        """Return the names, from the root, of what a link refers to and of the `rest` below it.

        Raises an error if the link leads outside.
        """

    def enter(self, names: Sequence[str], flags: int) -> int | None:  # noqa: ARG002 - for others
        """Return a descriptor to use instead of the entry on disk, or None to use the entry."""
        return None

    def made(self, descriptor: int) -> None:  # noqa: B027 - optional for subclasses
        """Change the owner or mode of a new folder, given its descriptor; does nothing here."""

    def descriptor(
        self, names: Sequence[str], flags: int, mode: int = 0o644, *, make: bool = False
    ) -> int:
        """Open the last of the names, or the root if there are no names; raises OSError.

        With `make`, missing folders above the last name are created.
        """
        for _ in range(_MAX_LINKS):
            found = self._walk(names, flags, mode, make)
            if isinstance(found, int):
                return found
            names = found
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _walk(self, names: Sequence[str], flags: int, mode: int, make: bool) -> int | Sequence[str]:
        """Return a descriptor of the last name, or the names to continue with after a link."""
        folder = os.open(self.root, FOLDER | os.O_CLOEXEC)
        try:
            for position, name in enumerate(names):
                opened = self.enter(names[: position + 1], flags)
                if opened is None:
                    if (target := _link_target(name, folder)) is not None:
                        return self.follow(names[:position], target, names[position + 1 :])
                    if position == len(names) - 1:
                        opened = open_or_make(name, flags, folder, mode)
                    else:
                        opened = self._folder_in(folder, name, make=make)
                os.close(folder)
                folder = opened
            return os.dup(folder)
        finally:
            os.close(folder)

    def _folder_in(self, folder: int, name: str, *, make: bool) -> int:
        try:
            return os.open(name, FOLDER | SAFE, dir_fd=folder)
        except FileNotFoundError:
            if not make:
                raise
        try:
            opened = make_folder(name, folder)
        except FileExistsError:  # It was created meanwhile.
            opened = os.open(name, FOLDER | SAFE, dir_fd=folder)
        self.made(opened)
        return opened


def open_or_make(name: str, flags: int, folder: int, mode: int = 0o644) -> int:
    """Open a file in an open folder; a new file gets this mode, whatever the umask is.

    The umask keeps the program's own files private, but users' files need the usual modes.
    """
    if not flags & os.O_CREAT:
        return os.open(name, flags | SAFE, dir_fd=folder)
    try:
        made = os.open(name, flags | os.O_EXCL | SAFE, mode, dir_fd=folder)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(name, flags & ~os.O_CREAT | SAFE, dir_fd=folder)
    os.fchmod(made, mode)
    return made


def make_folder(name: str, folder: int) -> int:
    """Create a user's folder in an open one and open it; raises FileExistsError."""
    os.mkdir(name, 0o700, dir_fd=folder)
    made = os.open(name, FOLDER | SAFE, dir_fd=folder)
    os.fchmod(made, 0o755)
    return made


def _link_target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None
