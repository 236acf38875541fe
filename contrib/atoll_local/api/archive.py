"""A file or folder of a session as a tar archive, as `/session/{s}/download` gives it."""

import io
import os
import stat
import tarfile

from attrs import field, frozen

from atoll_local.api.problems import Problem, invalid_params

MAX_ARCHIVE = 1024 * 1024
"""Bytes of an archive."""
_SAFELY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def pack(descriptor: int, name: str) -> bytes:
    """Return an opened file or folder under its name, with all that is in it; links stay links.

    Raises Problem 400 for what is neither, and for more than 1 MiB.
    """
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise invalid_params(f"{name!r} is neither a file nor a folder", {"file": name})
    packer = _Packer()
    packer.add(descriptor, name)
    return packer.finish(name)


def too_large(path: str) -> Problem:
    """Return 400 for what is larger than this API gives."""
    return invalid_params("Too large file", {"file": path})


@frozen
class _Packer:
    """Writes an archive; opens nothing but by descriptors, since the session may move things."""

    _buffer: io.BytesIO = field(factory=io.BytesIO)
    _archive: tarfile.TarFile = field(init=False)

    @_archive.default
    def _open(self) -> tarfile.TarFile:
        # A second name of a file is packed as a file again: who unpacks may refuse hard links.
        return tarfile.open(fileobj=self._buffer, mode="w", dereference=True)

    def add(self, descriptor: int, name: str) -> None:
        """Add an opened file, or a folder with all that is in it."""
        member = self._archive.gettarinfo(f"/proc/self/fd/{descriptor}", name)
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        if self._buffer.tell() + member.size > MAX_ARCHIVE:
            raise too_large(name)
        if member.isdir():
            self._archive.addfile(member)
            for entry in sorted(os.listdir(descriptor)):
                self._add_entry(descriptor, entry, f"{name}/{entry}")
        else:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                self._archive.addfile(member, file)

    def finish(self, name: str) -> bytes:
        """Return the archive."""
        self._archive.close()
        content = self._buffer.getvalue()
        if len(content) > MAX_ARCHIVE:
            raise too_large(name)
        return content

    def _add_entry(self, folder: int, entry: str, name: str) -> None:
        try:
            kind = os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISLNK(kind):
                link = tarfile.TarInfo(name)
                link.type, link.linkname = tarfile.SYMTYPE, os.readlink(entry, dir_fd=folder)
                self._archive.addfile(link)
            elif stat.S_ISREG(kind) or stat.S_ISDIR(kind):
                opened = os.open(entry, _SAFELY, dir_fd=folder)
                try:
                    self.add(opened, name)
                finally:
                    os.close(opened)
        except FileNotFoundError:
            return  # It has gone meanwhile.
