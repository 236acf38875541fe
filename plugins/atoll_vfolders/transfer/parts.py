"""A file that comes piece by piece: under a name of its own until it is whole."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath

from attrs import define

from atoll.files import SafeFolder

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_PIECES = 512
"""How many the system takes at once is more than that everywhere."""


@define
class Part:
    """What has come of a file so far; it stays for a later attempt unless dropped."""

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
        """Forget what has come."""
        os.ftruncate(self.descriptor, 0)
        self.size = 0

    def finish(self, mode: int, mtime: float) -> None:
        """Give the file its name, in place of one that is there."""
        os.fchmod(self.descriptor, mode)
        os.utime(self.descriptor, (mtime, mtime))
        os.replace(self.name, self.final, src_dir_fd=self.folder, dst_dir_fd=self.folder)

    def drop(self) -> None:
        """Remove it."""
        with suppress(OSError):
            os.unlink(self.name, dir_fd=self.folder)


@contextmanager
def part_of(target: SafeFolder, path: PurePosixPath, key: str) -> Iterator[Part]:
    """Open what has come of a file; `key` changes when the file does. Raises AtollError."""
    name = f".{key}.atoll-part"
    with target.explained(path), target.opened(path.parent) as folder:
        descriptor = os.open(name, _OPEN, 0o600, dir_fd=folder)
        try:
            part = Part(name, path.name, descriptor, folder, os.fstat(descriptor).st_size)
            yield part
        finally:
            os.close(descriptor)
