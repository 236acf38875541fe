"""Open files of a session safely: no path and no link can lead outside of its home.

The programs in a session can create any symbolic link at any time. A link means here what it means
in the session: `/home/work` is the home itself. Other absolute paths are refused.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.engine.contract import Mount
from atoll_cluster.storage.path_encoding import decode_path, printable_path
from atoll_cluster.storage.path_walker import FOLDER, LONGEST_PATH, PathWalker

HOME = PurePosixPath("/home/work")


def relative(path: str) -> PurePosixPath:
    """Convert a path in the session to a path relative to its home; raises Problem 400."""
    joined = HOME / decode_path(path)
    parts: list[str] = []
    for part in joined.parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    found = PurePosixPath("/", *parts)
    if not found.is_relative_to(HOME) or "\0" in str(found):
        raise _outside(path)
    return found.relative_to(HOME)


class SessionHome(PathWalker):
    """The home folder of a session, with its mounted folders."""

    def __init__(self, folder: Path, mounts: Iterable[Mount] = ()) -> None:
        super().__init__(folder)
        self._mounts = {PurePosixPath(one.name).parts: one for one in mounts if one.is_in_home}
        self._deepest = max(map(len, self._mounts), default=0)

    @contextmanager
    def opened(self, path: str, flags: int = os.O_RDONLY, *, make: bool = False) -> Iterator[int]:
        """Open a file or folder; raises Problem 400 if it does not exist or is outside of the home.

        With `make`, missing folders above it are created.
        """
        try:
            descriptor = self._open(path, flags, make=make)
        except OSError as error:
            raise invalid_params(_explain(error), {"path": printable_path(path)}) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def looked_at(self, path: str) -> Iterator[int]:
        """Open a file or folder; raises OSError with its path if it cannot be opened."""
        try:
            descriptor = self._open(path, os.O_RDONLY)
        except OSError as error:
            raise OSError(error.errno, error.strerror, printable_path(decode_path(path))) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def write(self, path: str, content: bytes, mode: int = 0) -> None:
        """Write a file, and create missing folders above it; raises Problem 400.

        Of `mode`, only the permissions to execute the file are used.
        """
        target = relative(path)
        if not target.name:
            raise invalid_params("a file needs a name", {"filename": path})
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with (
            self.opened(path, flags, make=True) as descriptor,
            os.fdopen(os.dup(descriptor), "wb") as file,
        ):
            file.write(content)
            self.made(descriptor)
            if mode & 0o111:
                os.fchmod(descriptor, os.fstat(descriptor).st_mode & 0o777 | mode & 0o111)

    def made(self, descriptor: int) -> None:
        """Make the owner of the home the owner of a new file or folder."""
        owner = self.root.stat()
        if os.fstat(descriptor).st_uid != owner.st_uid:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def _open(self, path: str, flags: int, *, make: bool = False) -> int:
        names = relative(path).parts
        if sum(len(os.fsencode(name)) + 1 for name in names) > LONGEST_PATH:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        return self.descriptor(names, flags, make=make)

    def follow(self, above: Sequence[str], target: str, rest: Sequence[str]) -> Sequence[str]:
        """Follow a link as the session would; raises Problem 400 if it leads outside."""
        return relative(str(PurePosixPath(*above, target, *rest))).parts

    def enter(self, names: Sequence[str], flags: int) -> int | None:
        """Open the folder that is mounted at this path, None if none is; raises OSError."""
        mount = self._mounts.get(tuple(names)) if len(names) <= self._deepest else None
        if mount is None:
            return None
        if mount.read_only and flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return os.open(mount.source, FOLDER)


def is_regular(descriptor: int) -> bool:
    """Return whether a descriptor refers to a regular file."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "The file is not found."
    return f"The file cannot be used: {error.strerror}."


def _outside(path: str) -> Problem:
    return invalid_params(f"{path!r} is outside of {HOME}", {"path": printable_path(path)})
