"""The kernel's log: the kernel writes to a pipe, so that it cannot change the log's files."""

from __future__ import annotations

import os
import stat

LIMIT = 16 * 1024 * 1024
"""Size in bytes at which the newer file becomes the older one; a log keeps at least this much."""
CHUNK = 65536
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Log:
    """A log of two files, the older one called `<path>.1`; together about twice `LIMIT` at most.

    Problems with the files damage only the log and do not end the kernel: a full disk, another kind
    of file at their path, or a hole of a terabyte, which a kernel without a sandbox can create.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open_log(path)
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def take(self) -> bool:
        """Move available output to the log; returns False if there is none, or at its end."""
        try:
            data = os.read(self.reading, CHUNK)
        except BlockingIOError:
            return False
        self.keep(data)
        return bool(data)

    def keep(self, data: bytes) -> None:
        """Write to the log, as far as that is possible."""
        try:
            self._keep(data)
        except OSError:
            pass

    def printed(self) -> int:
        """Return the size of both files in bytes."""
        return sum(map(size_of, (self._path, f"{self._path}.1")))

    def drain(self) -> None:
        """Read the rest of the output of an ended kernel."""
        while self.take():
            pass

    def _keep(self, data: bytes) -> None:
        if os.fstat(self._file).st_size >= LIMIT:
            self._rotate()
        os.write(self._file, data)

    def _rotate(self) -> None:
        try:
            os.replace(self._path, f"{self._path}.1")
            new = os.open(self._path, FLAGS | os.O_EXCL, 0o600)
        except OSError:
            os.ftruncate(self._file, 0)
            return
        os.close(self._file)
        self._file = new


def size_of(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def open_log(path: str) -> int:
    """Open a log to append; if it is not a regular file, the output is dropped."""
    try:
        file = os.open(path, FLAGS, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
