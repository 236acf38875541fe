"""The kernel's log: two files filled in turn, so that the latest output is always there."""

from __future__ import annotations

import os

KEPT = 5 * 1024 * 1024
"""Bytes in one file before the other is emptied and goes on."""


class Log:
    """Keeps the last `KEPT` bytes of what the kernel printed at least, twice as many at most."""

    def __init__(self, fd: int, other_fd: int) -> None:
        self._fd, self._other_fd = fd, other_fd
        self._size = 0

    def write(self, text: str) -> None:
        """Append; a full disk costs the log, not the run."""
        try:
            self._size += os.write(self._fd, text.encode("utf-8", "replace"))
            if self._size >= KEPT:
                self._fd, self._other_fd, self._size = self._other_fd, self._fd, 0
                os.ftruncate(self._fd, 0)
        except OSError:
            pass
