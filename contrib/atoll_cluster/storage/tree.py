"""Access to the files of a folder; no path of a client and no link can lead outside of it."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from attrs import frozen

from atoll_cluster.storage.path_encoding import decode_path, encode_path
from atoll_cluster.storage.path_walker import (
    FOLDER,
    LONGEST_PATH,
    PathWalker,
    make_folder,
    open_or_make,
)
from atoll_cluster.storage.removal import remove_at

_LONGEST_NAME = 255
"""The most bytes of a name that Linux accepts."""


class PathError(ValueError):
    """A path leads outside of the folder, or is not a valid path."""


@frozen
class Entry:
    """A name in a folder and its status; links are not followed, `target` is a link's text."""

    name: str
    status: os.stat_result
    target: str | None = None

    @property
    def extra_fields(self) -> dict[str, str]:
        """Return the additions of this cluster: a name that is not UTF-8, and a link's target."""
        fields = {}
        if (spelling := encode_path(self.name)) != self.name:
            fields["spelling"] = spelling
        if self.target is not None:
            fields["target"] = encode_path(self.target)
        return fields


def names_of(path: str) -> tuple[str, ...]:
    """Split a path from a client into names; raises PathError if it may lead outside."""
    path = decode_path(path)
    if "\0" in path:
        raise PathError("a path cannot contain NUL")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise PathError("a path cannot contain incomplete UTF-16 pairs") from None
    if path.startswith("/"):
        raise PathError(f"{path!r} is absolute; paths are relative to the folder")
    names = PurePosixPath(path).parts
    if ".." in names:
        raise PathError(f"{path!r} leads outside of the folder")
    if len(encoded) > LONGEST_PATH or any(len(os.fsencode(name)) > _LONGEST_NAME for name in names):
        raise PathError(f"{path[:40]!r}… is too long for a name")
    return names


class Tree(PathWalker):
    """The files below `root`. Methods raise OSError, and PathError if a path leads outside."""

    def follow(self, above: Sequence[str], target: str, rest: Sequence[str]) -> Sequence[str]:
        """Follow a link inside the tree; raises PathError if it leads outside."""
        names = list(above)
        for name in PurePosixPath(target).parts:
            if name != "..":
                names.append(name)
            elif names:
                names.pop()
            else:
                raise _leads_out(target)
        if target.startswith("/"):
            raise _leads_out(target)
        return (*names, *rest)

    @contextmanager
    def opened(self, path: str, flags: int = os.O_RDONLY, mode: int = 0o644) -> Iterator[int]:
        """Open a file or folder; an empty path means the root."""
        descriptor = self.descriptor(names_of(path), flags, mode)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def entries(self, path: str) -> list[Entry]:
        """Return the entries of a folder ordered by name, or the entry of a file."""
        with self.opened(path) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISDIR(status.st_mode):
                return [Entry(PurePosixPath(decode_path(path)).name, status)]
            return scan(descriptor)

    def make(self, path: str, *, parents: bool = False, exist_ok: bool = False) -> None:
        """Create a folder; with `parents`, also create missing folders above it."""
        names = names_of(path)
        if not names:
            if not exist_ok:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            return
        with self._parent(names, make=parents) as folder:
            _make_one(names[-1], folder, exist_ok=exist_ok)
        with self._folder(names):
            pass  # If something with this name existed already, it must be a folder.

    def import_file(self, source: Path, path: str) -> None:
        """Move a file to `path`; it replaces an existing file."""
        names = _named(path)
        with self._parent(names, make=True) as folder:
            try:
                os.rename(source, names[-1], dst_dir_fd=folder)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _bring_over(source, names[-1], folder)

    def move(self, source: str, target: str) -> None:
        """Move a file or folder within the tree; never replaces another one."""
        old, new = _named(source), _named(target)
        with self._parent(old) as from_folder, self._parent(new) as to_folder:
            if _exists(new[-1], to_folder):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            os.rename(old[-1], new[-1], src_dir_fd=from_folder, dst_dir_fd=to_folder)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file or a link; with `recursive`, also a folder with its content."""
        names = _named(path)
        with self._parent(names) as folder:
            status = os.stat(names[-1], dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(names[-1], dir_fd=folder)
            elif recursive:
                remove_at(names[-1], folder, path)
            else:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))

    def link(self, path: str, target: str) -> None:
        """Create a symbolic link to any target."""
        names = _named(path)
        with self._parent(names) as folder:
            os.symlink(target, names[-1], dir_fd=folder)

    def link_target(self, path: str) -> str:
        """Return the text of a link."""
        names = _named(path)
        with self._parent(names) as folder:
            return os.readlink(names[-1], dir_fd=folder)

    def status_of(self, path: str) -> os.stat_result:
        """Return the status of a file or folder; links are followed."""
        with self.opened(path) as descriptor:
            return os.fstat(descriptor)

    def size_of_file(self, path: str) -> int:
        """Return the size of a file in bytes, 0 for anything else."""
        status = self._status(path)
        return status.st_size if status and stat.S_ISREG(status.st_mode) else 0

    def is_folder(self, path: str) -> bool:
        """Return whether this path is a folder, and not a link to one."""
        status = self._status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def _status(self, path: str) -> os.stat_result | None:
        names = names_of(path)
        try:
            with self._parent(names) as folder:
                return os.stat(names[-1] if names else ".", dir_fd=folder, follow_symlinks=False)
        except OSError:
            return None

    @contextmanager
    def _folder(self, names: Sequence[str]) -> Iterator[int]:
        descriptor = self.descriptor(names, FOLDER)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def _parent(self, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
        """Open the folder that contains the last name."""
        descriptor = self.descriptor((*names[:-1], "."), FOLDER, make=make)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _leads_out(target: str) -> PathError:
    return PathError(f"a link leads outside of the folder: {target!r}")


def _bring_over(source: Path, name: str, folder: int) -> None:
    """Move a file to another file system; there it appears only when it is complete."""
    draft = f".{secrets.token_hex(8)}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with (
            source.open("rb") as old,
            os.fdopen(open_or_make(draft, flags, folder), "wb") as new,
        ):
            shutil.copyfileobj(old, new, 1024 * 1024)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise
    source.unlink()


def _named(path: str) -> tuple[str, ...]:
    names = names_of(path)
    if not names:
        raise PathError("the folder itself cannot be moved or removed")
    return names


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _make_one(name: str, folder: int, *, exist_ok: bool) -> None:
    try:
        os.close(make_folder(name, folder))
    except FileExistsError:
        if not exist_ok:
            raise


def scan(folder: int) -> list[Entry]:
    """Return the entries of an open folder by name; skips those that disappear meanwhile."""
    entries = []
    with os.scandir(folder) as found:
        for entry in found:
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                is_link = stat.S_ISLNK(status.st_mode)
                target = os.readlink(entry.name, dir_fd=folder) if is_link else None
                entries.append(Entry(entry.name, status, target))
    return sorted(entries, key=lambda entry: entry.name)
