"""Folders as zip archives, made while they are sent: nothing is kept, whatever their size."""

import contextlib
import os
import stat
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from atoll_local.storage.beneath import Entry, Tree, names_of

_PIECE = 1024 * 1024


class _Sink:
    """Keeps what is written until somebody fetches it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def fetch(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def pack(tree: Tree, paths: Sequence[str], within: str = "") -> Iterator[bytes]:
    """Yield an archive of files and folders; links and what is no file are left out.

    Names in it begin where `within` ends.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            # What goes away meanwhile is left out.
            with contextlib.suppress(FileNotFoundError):
                for _ in _add(archive, tree, path, within):
                    yield sink.fetch()
    yield sink.fetch()


def _add(archive: zipfile.ZipFile, tree: Tree, path: str, within: str) -> Iterator[None]:
    with tree.opened(path) as descriptor:
        status = os.fstat(descriptor)
        name = Entry(str(PurePosixPath(*names_of(path)[len(names_of(within)) :])), status).shown
        if stat.S_ISREG(status.st_mode):
            yield from _add_file(archive, descriptor, _member(name, status))
            return
    if not stat.S_ISDIR(status.st_mode):
        return
    if name != ".":
        archive.writestr(_member(f"{name}/", status), b"")
    for entry in tree.entries(path):
        if stat.S_ISLNK(entry.status.st_mode):
            continue
        with contextlib.suppress(FileNotFoundError):
            yield from _add(archive, tree, str(PurePosixPath(path, entry.name)), within)


def _add_file(archive: zipfile.ZipFile, descriptor: int, member: zipfile.ZipInfo) -> Iterator[None]:
    with archive.open(member, "w", force_zip64=True) as file:
        while piece := os.read(descriptor, _PIECE):
            file.write(piece)
            yield
    yield


def _member(name: str, status: os.stat_result) -> zipfile.ZipInfo:
    moment = max(time.localtime(status.st_mtime)[:6], (1980, 1, 1, 0, 0, 0))
    member = zipfile.ZipInfo(name, moment)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = status.st_mode << 16
    return member
