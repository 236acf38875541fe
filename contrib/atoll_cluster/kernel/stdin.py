"""The standard input of a program: a pipe that accepts any bytes without blocking the loop."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

WINDOW = 1024 * 1024
"""Most bytes that may be sent before the program reads."""


class InputPipe:
    """A pipe to a program; `reading` is the program's end. Bytes that do not fit are kept.

    `on_room` is called with a number of bytes that may be sent again, each time that a quarter of
    `WINDOW` has gone into the pipe.
    """

    def __init__(self, loop: Loop, on_room: Callable[[int], None] = lambda _size: None) -> None:
        self._loop, self._on_room = loop, on_room
        self.reading, self._fd = os.pipe()
        os.set_blocking(self._fd, False)
        self._pending = bytearray()
        self._taken = 0
        self.is_ending = False

    @property
    def inode(self) -> int | None:
        """The inode of the pipe; None while bytes wait for the pipe, and after the input's end."""
        return None if self._fd < 0 or self._pending else os.fstat(self._fd).st_ino

    @property
    def size(self) -> int:
        """How many sent bytes `on_room` has not yet reported as free."""
        return len(self._pending) + self._taken

    def send(self, data: bytes) -> None:
        """Add bytes; raises ValueError if there is no room for them."""
        if self._fd < 0:
            return
        if len(self._pending) + len(data) > WINDOW:
            raise ValueError("more input was sent than fits")
        self._pending += data
        self._transmit()

    def end(self) -> None:
        """End the input after the bytes sent so far."""
        self.is_ending = True
        self._transmit()

    def hand_over(self) -> None:
        """Close our copy of the program's end."""
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1

    def close(self) -> None:
        self.hand_over()
        self._stop_sending()

    def _stop_sending(self) -> None:
        if self._fd >= 0:
            self._loop.on_writable(self._fd, None)
            os.close(self._fd)
            self._fd = -1

    def _transmit(self) -> None:
        if self._fd < 0:
            return
        try:
            if self._pending:
                self._take(os.write(self._fd, self._pending))
        except BlockingIOError:
            pass
        except OSError:  # the program has closed its end
            self._stop_sending()
            return
        if self.is_ending and not self._pending:
            self._stop_sending()
        else:
            self._loop.on_writable(self._fd, self._transmit if self._pending else None)

    def _take(self, size: int) -> None:
        del self._pending[:size]
        self._taken += size
        if self._taken >= WINDOW // 4:
            self._taken, room = 0, self._taken
            self._on_room(room)
