"""A folder's files copied into another folder, while sessions may be changing them."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from atoll_local.storage.beneath import Entry, Tree

_PIECE = 8 * 1024 * 1024

Report = Callable[[int], None]
"""Told how many files and folders were copied so far."""


def copy(source: Tree, target: Tree, report: Report) -> None:
    """Copy everything with modes and times, links as links; raises OSError when the disk is full.

    What goes away meanwhile is left out, and so is what is neither file, folder nor link.
    """
    for number, (path, entry) in enumerate(_walk(source, ""), start=1):
        try:
            _copy(source, target, path, entry)
        except FileNotFoundError:
            continue
        report(number)


def _walk(tree: Tree, folder: str) -> Iterator[tuple[str, Entry]]:
    for entry in tree.entries(folder):
        path = str(PurePosixPath(folder, entry.name))
        yield path, entry
        if stat.S_ISDIR(entry.status.st_mode):
            yield from _walk(tree, path)


def _copy(source: Tree, target: Tree, path: str, entry: Entry) -> None:
    mode = entry.status.st_mode
    if stat.S_ISDIR(mode):
        target.make(path, exist_ok=True)
    elif stat.S_ISLNK(mode):
        target.link(path, source.link_target(path))
    elif stat.S_ISREG(mode):
        with source.opened(path) as old, target.opened(path, os.O_WRONLY | os.O_CREAT) as new:
            _copy_bytes(old, new)
            os.fchmod(new, stat.S_IMODE(mode) & 0o777)
            os.utime(new, ns=(entry.status.st_atime_ns, entry.status.st_mtime_ns))


def _copy_bytes(old: int, new: int) -> None:
    while os.sendfile(new, old, None, _PIECE):
        pass
