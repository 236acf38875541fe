"""The kernel's log: its output comes through a pipe, so that it cannot change the files."""

from __future__ import annotations

import os
import stat

LIMIT = 16 * 1024 * 1024
"""Bytes of one file, from which on it becomes the older one; what is kept is that much at least."""
CHUNK = 65536
FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Log:
    """Two files, the older one called `<path>.1`: together less than twice `LIMIT`.

    Whatever becomes of the files costs the log and not the kernel: a full disk, another file in
    their place, a hole of a terabyte in them, as a plain process can make one.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open_log(path)
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def take(self) -> bool:
        """Read available output; false if there is none."""
        try:
            data = os.read(self.reading, CHUNK)
        except BlockingIOError:
            return False
        try:
            self._keep(data)
        except OSError:
            pass
        return bool(data)

    def printed(self) -> int:
        """Return the size of the files."""
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
    """Open a log to append; if it is not a file, output is dropped."""
    try:
        file = os.open(path, FLAGS, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
