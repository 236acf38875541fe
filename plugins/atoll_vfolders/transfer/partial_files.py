"""Writes an incomplete download to a file under a temporary name."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from attrs import define

from atoll.files import SafeFolder

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_PIECES = 512
"""The most pieces in one write; all systems allow more."""


@define
class PartialFile:
    """The part of a file that has arrived. It is kept for a later attempt unless it is dropped."""

    name: str
    final: str
    descriptor: int
    folder: int
    size: int

    def write(self, pieces: Sequence[bytes]) -> None:
        """Add pieces at the end."""
        rest = [memoryview(piece) for piece in pieces]
        while rest:
            written = os.pwritev(self.descriptor, rest[:_MOST_PIECES], self.size)
            self.size += written
            while rest and written >= len(rest[0]):
                written -= len(rest.pop(0))
            if written:
                rest[0] = rest[0][written:]

    def restart(self) -> None:
        """Start again with an empty file."""
        os.ftruncate(self.descriptor, 0)
        self.size = 0

    def finish(self, mode: int, mtime: float) -> None:
        """Rename the file to its final name, and replace an existing file."""
        os.fchmod(self.descriptor, mode)
        os.utime(self.descriptor, (mtime, mtime))
        os.replace(self.name, self.final, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def drop(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            os.unlink(self.name, dir_fd=self.folder)


@contextmanager
def open_partial(target: SafeFolder, path: PurePosixPath, key: str) -> Iterator[PartialFile]:
    """Open the partial file of a path; `key` identifies its content. Raises AtollError."""
    name = f".{key}.atoll-part"
    with target.explained(path), target.opened(path.parent) as folder:
        descriptor = os.open(name, _OPEN, 0o600, dir_fd=folder)
        try:
            partial = PartialFile(name, path.name, descriptor, folder, os.fstat(descriptor).st_size)
            yield partial
        finally:
            os.close(descriptor)
