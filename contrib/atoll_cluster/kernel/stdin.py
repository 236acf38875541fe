"""The standard input of a program: a pipe that accepts any bytes without blocking the loop."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

WINDOW = 1024 * 1024
"""Bytes that may be sent to a pipe before the program reads."""


class InputPipe:
    """`reading` is the program's end; bytes sent before it reads are kept.

    `on_room` gets the number of bytes for which there is room, but not for every few bytes.
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
        """The inode of the pipe in /proc; None after the end of the input."""
        return None if self._fd < 0 or self._pending else os.fstat(self._fd).st_ino

    @property
    def size(self) -> int:
        """The number of sent bytes that were not yet confirmed as read."""
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
