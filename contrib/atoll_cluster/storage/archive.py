"""Create zip archives of folders while they are sent, without storing them."""

import contextlib
import os
import stat
import time
import zipfile
from collections.abc import Iterator, Sequence

from atoll_cluster.storage.path_encoding import printable_path
from atoll_cluster.storage.path_walker import SAFE
from atoll_cluster.storage.traversal import StepKind, TraversalStep, traverse
from atoll_cluster.storage.tree import Tree, names_of

_PIECE = 1024 * 1024
_LONGEST = 2**15
"""The most bytes of a path in an archive; the format allows at most twice as many."""


class _Sink:
    """Keeps the bytes that were written until they are fetched."""

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
    """Yield the bytes of an archive of files and folders.

    It leaves out links, special files, and files that can't be read. The names in the archive are
    relative to `within`.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in paths:
            # The archive leaves out files that disappear meanwhile.
            with contextlib.suppress(FileNotFoundError):
                for _ in _add(archive, tree, path, within):
                    yield sink.fetch()
    yield sink.fetch()


def _add(archive: zipfile.ZipFile, tree: Tree, path: str, within: str) -> Iterator[None]:
    above = "/".join(names_of(path)[len(names_of(within)) :])
    with tree.opened(path) as descriptor:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            yield from _add_file(archive, descriptor, _member(above, status))
        elif stat.S_ISDIR(status.st_mode):
            if above:
                archive.writestr(_member(f"{above}/", status), b"")
            for step in traverse(descriptor):
                yield from _add_step(archive, step, f"{above}/" if above else "")


def _add_step(archive: zipfile.ZipFile, step: TraversalStep, above: str) -> Iterator[None]:
    name = f"{above}{step.path}"
    if len(os.fsencode(name)) > _LONGEST:
        return
    if step.kind is StepKind.ENTERED:
        archive.writestr(_member(f"{name}/", step.status), b"")
    elif step.kind is StepKind.ENTRY and stat.S_ISREG(step.status.st_mode):
        # The archive leaves out files that disappear or cannot be read.
        with contextlib.suppress(OSError):
            descriptor = os.open(step.name, os.O_RDONLY | SAFE, dir_fd=step.folder)
            try:
                yield from _add_file(archive, descriptor, _member(name, step.status))
            finally:
                os.close(descriptor)


def _add_file(archive: zipfile.ZipFile, descriptor: int, member: zipfile.ZipInfo) -> Iterator[None]:
    with archive.open(member, "w", force_zip64=True) as file:
        while piece := os.read(descriptor, _PIECE):
            file.write(piece)
            yield
    yield


def _member(name: str, status: os.stat_result) -> zipfile.ZipInfo:
    moment = max(time.localtime(status.st_mtime)[:6], (1980, 1, 1, 0, 0, 0))
    # Names in the format must be texts: bytes that are not UTF-8 become question marks.
    member = zipfile.ZipInfo(printable_path(name), moment)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = status.st_mode << 16
    return member
