"""The standard input of a program: a pipe that takes any text without blocking the loop."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop import Loop


class InputPipe:
    """`reading` is for the program; what is sent before it reads is kept."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.reading, self._fd = os.pipe()
        os.set_blocking(self._fd, False)
        self._pending = bytearray()
        self._ending = False

    @property
    def inode(self) -> int | None:
        """By which the pipe is known in /proc; None when the program has to expect no more."""
        return None if self._fd < 0 or self._pending else os.fstat(self._fd).st_ino

    def send(self, text: str) -> None:
        self._pending += text.encode("utf-8", "replace")
        self._transmit()

    def end(self) -> None:
        """Let the program meet the end of its input after what was sent."""
        self._ending = True
        self._transmit()

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.on_writable(self._fd, None)
            os.close(self._fd)
            self._fd = -1

    def _transmit(self) -> None:
        if self._fd < 0:
            return
        try:
            if self._pending:
                del self._pending[: os.write(self._fd, self._pending)]
        except BlockingIOError:
            pass
        except OSError:  # the program has closed its end
            self.close()
            return
        if self._ending and not self._pending:
            self.close()
        else:
            self._loop.on_writable(self._fd, self._transmit if self._pending else None)
