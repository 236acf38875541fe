"""Create tar archives of a session's files, for `/session/{s}/download`."""

import io
import os
import stat
import tarfile
from contextlib import suppress

from attrs import field, frozen

from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.storage.path_encoding import printable_path
from atoll_cluster.storage.path_walker import SAFE
from atoll_cluster.storage.traversal import StepKind, TraversalStep, traverse

MAX_ARCHIVE = 1024 * 1024
"""The most bytes of an archive."""


def pack(descriptor: int, name: str) -> bytes:
    """Return an archive of an open file or folder; links are stored as links.

    Raises Problem 400 if it is neither, or if the archive would exceed 1 MiB.
    """
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise invalid_params(f"{name!r} is neither a file nor a folder", {"file": name})
    packer = _Packer()
    packer.add(descriptor, name)
    return packer.finish(name)


def too_large(path: str) -> Problem:
    """Return Problem 400: the file is too large for this API."""
    return invalid_params("Too large file", {"file": printable_path(path)})


@frozen
class _Packer:
    """Writes an archive; uses only descriptors, because the session may move files meanwhile."""

    _buffer: io.BytesIO = field(factory=io.BytesIO)
    _archive: tarfile.TarFile = field(init=False)

    @_archive.default
    def _open(self) -> tarfile.TarFile:
        return tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, descriptor: int, name: str) -> None:
        """Add an open file, or an open folder with its whole content."""
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            self._add_file(descriptor, _member(name, status))
            return
        self._put(_member(name, status))
        for step in traverse(descriptor):
            if step.kind is not StepKind.LEFT:
                # The archive leaves out files that disappear or cannot be read.
                with suppress(OSError):
                    self._add_step(step, f"{name}/{step.path}")

    def finish(self, name: str) -> bytes:
        """Return the archive."""
        self._archive.close()
        content = self._buffer.getvalue()
        if len(content) > MAX_ARCHIVE:
            raise too_large(name)
        return content

    def _add_step(self, step: TraversalStep, name: str) -> None:
        member, kind = _member(name, step.status), step.status.st_mode
        if stat.S_ISDIR(kind):
            self._put(member)
        elif stat.S_ISLNK(kind):
            member.type = tarfile.SYMTYPE
            member.linkname = os.readlink(step.name, dir_fd=step.folder)
            self._put(member)
        elif stat.S_ISREG(kind):
            descriptor = os.open(step.name, os.O_RDONLY | SAFE, dir_fd=step.folder)
            try:
                self._add_file(descriptor, _member(name, os.fstat(descriptor)))
            finally:
                os.close(descriptor)

    def _add_file(self, descriptor: int, member: tarfile.TarInfo) -> None:
        # If the size of a file has changed meanwhile, its present content is packed.
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(MAX_ARCHIVE + 1)
        member.size = len(content)
        self._put(member, content)

    def _put(self, member: tarfile.TarInfo, content: bytes = b"") -> None:
        if self._buffer.tell() + len(content) > MAX_ARCHIVE:
            raise too_large(member.name)
        self._archive.addfile(member, io.BytesIO(content))


def _member(name: str, status: os.stat_result) -> tarfile.TarInfo:
    """Return the archive entry of a file or folder, without its owner."""
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = stat.S_IMODE(status.st_mode), status.st_mtime
    if stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
    return member
