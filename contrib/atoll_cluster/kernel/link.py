"""A connection that carries newline-delimited JSON without blocking the loop."""

from __future__ import annotations

import array
import json
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .loop import Loop

LONGEST = 17 * 1024 * 1024
"""Most bytes of a message; if the other side sends more, the connection is closed."""
LAGGING = 256 * 1024
"""If more than these bytes wait to be sent, the reader is too slow, and writers should wait."""


def encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def decode(line: bytes | bytearray) -> dict[str, Any] | None:
    """Return the message in a line, None if it is invalid."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class Link:
    """A stream socket with messages; calls `on_message` for each, and `on_close` at the end."""

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        on_message: Callable[[dict[str, Any]], None],
        on_close: Callable[[], None],
        on_fault: Callable[[], object] = lambda: None,
    ) -> None:
        """Use a socket; `on_fault` is called before `on_close` if a received message is invalid."""
        self._loop, self._sock = loop, sock
        self._on_message, self._on_close, self._on_fault = on_message, on_close, on_fault
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._finishing = False
        self.on_relief: Callable[[], None] = lambda: None
        sock.setblocking(False)
        loop.on_readable(sock.fileno(), self._receive)

    @property
    def lagging(self) -> bool:
        """Whether the other side reads more slowly than we write."""
        return len(self._outgoing) > LAGGING

    def send(self, message: dict[str, Any]) -> None:
        self.send_line(encode(message))

    def send_line(self, line: bytes) -> None:
        """Send an encoded message; drop it if the connection is closed."""
        if self._sock.fileno() < 0:
            return
        self._outgoing += line
        self._transmit()

    def send_descriptor(self, message: dict[str, Any], fd: int) -> None:
        """Send a message with a descriptor; it must be the first message of this connection."""
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
        try:
            self._sock.sendmsg([encode(message)], [rights])
        except OSError:  # the other side has closed the connection
            self.close()

    def finish(self) -> None:
        """Close the connection after all messages have been sent."""
        self._finishing = True
        self._transmit()

    def close(self) -> None:
        if self._sock.fileno() < 0:
            return
        self._loop.on_readable(self._sock.fileno(), None)
        self._loop.on_writable(self._sock.fileno(), None)
        self._sock.close()
        self._on_close()

    def _transmit(self) -> None:
        was_lagging = self.lagging
        try:
            del self._outgoing[: self._sock.send(self._outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if self._finishing and not self._outgoing:
            self.close()
            return
        self._loop.on_writable(self._sock.fileno(), self._transmit if self._outgoing else None)
        if was_lagging and not self.lagging:
            self.on_relief()

    def _receive(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._incoming += data
        if b"\n" in data:
            *lines, self._incoming = self._incoming.split(b"\n")
            self._tell(lines)
        if len(self._incoming) > LONGEST:
            self._break_off()

    def _tell(self, lines: list[bytearray]) -> None:
        for line in lines:
            if not self._is_taken(decode(line)):
                self._break_off()
                return

    def _is_taken(self, message: dict[str, Any] | None) -> bool:
        """Pass a message to `on_message`; returns False if it is invalid."""
        try:
            if message is not None:
                self._on_message(message)
        except ValueError:
            return False
        return message is not None

    def _break_off(self) -> None:
        self._on_fault()
        self.close()
