"""All files below a folder of this machine, at any depth: with open folders instead of
recursion.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from attrs import frozen

from atoll._errors import AtollError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_HOP = 4000
"""The most bytes of a path that are passed to the system at once; it accepts 4095."""


@frozen
class Found:
    """An entry of a folder; `status` is that of a link's target, None if the target does not exist.

    Only empty folders are entries of their own.
    """

    path: Path
    status: os.stat_result | None
    is_link: bool

    @property
    def is_file(self) -> bool:
        """Whether it is a file, or a link to one."""
        return self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is an empty folder, not a link to one."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode) and not self.is_link


def walk(folder: Path, failed: Callable[[AtollError], None]) -> Iterator[Found]:
    """Yield the entries below a folder, by name; links to folders are not followed.

    `failed` is called for each entry that can't be read.
    """
    ahead = [folder]
    while ahead:
        path = ahead.pop()
        try:
            found = _scan(path)
        except OSError as error:
            failed(AtollError(f"{path}: {error.strerror}"))
            continue
        folders = [one for one in found if one.is_folder]
        yield from (one for one in found if not one.is_folder)
        ahead += (one.path for one in reversed(folders))
        if not found:
            yield Found(path, os.stat_result((stat.S_IFDIR, *(0,) * 9)), is_link=False)


def _scan(path: Path) -> list[Found]:
    descriptor = open_deep(path, _FOLDER)
    try:
        with os.scandir(descriptor) as entries:
            found = [_found(path, entry) for entry in entries]
    finally:
        os.close(descriptor)
    return sorted(found, key=lambda one: one.path.name)


def _found(folder: Path, entry: "os.DirEntry[str]") -> Found:
    status = None
    with suppress(OSError):
        status = entry.stat()
    return Found(folder / entry.name, status, entry.is_symlink())


def refuse(error: AtollError) -> NoReturn:
    """Raise the error about an entry that can't be read: `failed` for callers that need all
    entries.
    """
    raise error


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it, at any depth; raises OSError."""
    ahead, emptied = [folder], []
    while ahead:
        emptied.append(path := ahead.pop())
        with os.scandir(path) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(path / entry.name)
                else:
                    (path / entry.name).unlink()
    for path in reversed(emptied):
        path.rmdir()


def open_deep(path: Path, flags: int) -> int:
    """Open a file whose path may be longer than the system accepts; raises OSError."""
    *hops, last = _hops(path)
    folder = None
    try:
        for hop in hops:
            below = os.open(hop, _FOLDER, dir_fd=folder)
            if folder is not None:
                os.close(folder)
            folder = below
        return os.open(last, flags, dir_fd=folder)
    finally:
        if folder is not None:
            os.close(folder)


def _hops(path: Path) -> list[str]:
    """Split a path into parts that the system accepts."""
    if len(os.fsencode(path)) <= _HOP:
        return [str(path)]
    hops, size = [path.parts[0]], 0
    for part in path.parts[1:]:
        size += len(os.fsencode(part)) + 1
        if size > _HOP:
            hops.append(part)
            size = len(os.fsencode(part))
        else:
            hops[-1] = os.path.join(hops[-1], part)  # noqa: PTH118 - pathlib takes many times longer
    return hops
