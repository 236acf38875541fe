"""Files of a session, opened without ever leaving its home.

The program inside a session may put any symbolic link anywhere, while we look. So a path is walked
one name at a time from a descriptor of the home, each opened with O_NOFOLLOW; links are followed by
hand, and as the session would: `/home/work` is the home itself, and anything else that is absolute
is refused.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from atoll_local.api.problems import Problem, invalid_params
from atoll_local.engine.contract import Mount

HOME = PurePosixPath("/home/work")
_MAX_LINKS = 40


def relative(path: str) -> PurePosixPath:
    """Return a path as seen in the session relative to its home; raises Problem 400 outside."""
    joined = HOME / path
    parts: list[str] = []
    for part in joined.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    found = PurePosixPath("/", *parts)
    if not found.is_relative_to(HOME) or "\0" in path:
        raise _outside(path)
    return found.relative_to(HOME)


class Home:
    """The home folder of a session, with the folders that are mounted in it."""

    def __init__(self, folder: Path, mounts: Iterable[Mount] = ()) -> None:
        self._folder = folder
        self._mounts = {PurePosixPath(one.name): one for one in mounts if one.is_in_home}

    @contextmanager
    def opened(self, path: str, flags: int = os.O_RDONLY) -> Iterator[int]:
        """Open a file or folder; raises Problem 400 if it isn't there or lies outside."""
        try:
            descriptor = self._open(path, flags)
        except OSError as error:
            raise invalid_params(_explain(error), {"path": path}) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def looked_at(self, path: str) -> Iterator[int]:
        """Open a file or folder as programs do; raises OSError, naming it, if it isn't there."""
        try:
            descriptor = self._open(path, os.O_RDONLY)
        except OSError as error:
            raise OSError(error.errno, error.strerror, path) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, making the folders above it; raises Problem 400 outside of the home."""
        target = relative(path)
        if not target.name:
            raise invalid_params("a file needs a name", {"filename": path})
        for parent in reversed(target.parents[:-1]):
            self._make_folder(str(parent))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with self.opened(path, flags) as descriptor, os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
            self._give_to_owner(descriptor)

    def _make_folder(self, path: str) -> None:
        parent, name = os.path.split(path)
        with self.opened(parent or ".", os.O_DIRECTORY | _TO_WRITE) as folder:
            try:
                os.mkdir(name, 0o755, dir_fd=folder)
            except FileExistsError:
                return
        with self.opened(path, os.O_DIRECTORY) as made:
            self._give_to_owner(made)

    def _give_to_owner(self, descriptor: int) -> None:
        owner = self._folder.stat()
        if os.fstat(descriptor).st_uid != owner.st_uid:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def _open(self, path: str, flags: int) -> int:
        """Walk to `path` and open it, resolving links within the home."""
        names = list(relative(path).parts)
        for _ in range(_MAX_LINKS):
            link = self._walk(names, flags)
            if isinstance(link, int):
                return link
            names = list(relative(link).parts)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))

    def _walk(self, names: list[str], flags: int) -> int | str:
        """Return a descriptor of the last name, or the path to go on with when a link was met."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for position, name in enumerate(names):
                is_last = position == len(names) - 1
                if mount := self._mounts.get(PurePosixPath(*names[: position + 1])):
                    entered = _enter(mount, flags)
                    os.close(folder)
                    folder = entered
                    continue
                if (target := _link_target(name, folder)) is not None:
                    return str(PurePosixPath(*names[:position], target, *names[position + 1 :]))
                step = flags & ~_TO_WRITE if is_last else os.O_RDONLY | os.O_DIRECTORY
                opened = os.open(name, step | _SAFE, 0o644, dir_fd=folder)
                os.close(folder)
                folder = opened
            return os.dup(folder)
        finally:
            os.close(folder)


# A FIFO must not block us, a terminal must not become ours.
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TO_WRITE = 1 << 30
"""A flag of ours: the folder is opened so that something can be made in it."""


def _enter(mount: Mount, flags: int) -> int:
    """Open a mounted folder; raises OSError if it is read-only and something is to be written."""
    if mount.read_only and flags & (_TO_WRITE | os.O_WRONLY | os.O_RDWR):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    return os.open(mount.source, os.O_RDONLY | os.O_DIRECTORY)


def _link_target(name: str, folder: int) -> str | None:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None


def is_regular(descriptor: int) -> bool:
    """Say whether a descriptor is an ordinary file."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "The file is not found."
    return f"The file cannot be used: {error.strerror}."


def _outside(path: str) -> Problem:
    return invalid_params(f"{path!r} is outside of {HOME}", {"path": path})
