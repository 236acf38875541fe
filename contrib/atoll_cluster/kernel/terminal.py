"""A shell in a terminal, which the client at the other end of a connection uses."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .link import Link
    from .loop import Loop
    from .settings import Settings

CHUNK = 16384


class Terminal:
    """A terminal, which exists until its shell or its connection ends.

    The client sends the requests `type` (`chars`, base64) and `resize` (`rows`, `cols`); it
    receives the event `shown` (`data`, base64).
    """

    def __init__(
        self, loop: Loop, settings: Settings, link: Link, on_end: Callable[[], None]
    ) -> None:
        """Start the shell; raises OSError if that fails."""
        self._loop, self._link, self._on_end = loop, link, on_end
        self._typed = bytearray()
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        try:
            self._shell = _start(settings, slave)
        except OSError:
            os.close(self._master)
            raise
        finally:
            os.close(slave)
        link.on_relief = self._listen
        self._listen()
        loop.on_exit(self._shell, lambda _code: self._ended())

    def type(self, message: dict[str, Any]) -> None:
        self._typed += base64.b64decode(message["chars"])
        self._transmit()

    def resize(self, message: dict[str, Any]) -> None:
        size = struct.pack("HHHH", message["rows"], message["cols"], 0, 0)
        if self._master >= 0:
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def hang_up(self) -> None:
        """Send SIGHUP to the shell and its jobs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGHUP)

    def _listen(self) -> None:
        if self._master >= 0:
            self._loop.on_readable(self._master, self._show)

    def _show(self) -> bool:
        try:
            data = os.read(self._master, CHUNK) if self._master >= 0 else b""
        except BlockingIOError:
            return False
        except OSError:  # EIO: every process has closed the terminal
            data = b""
        if not data:
            self._close()
            return False
        self._link.send({"event": "shown", "data": base64.b64encode(data).decode()})
        if self._link.lagging:
            self._loop.on_readable(self._master, None)
        return True

    def _transmit(self) -> None:
        if self._master < 0:
            return
        try:
            del self._typed[: os.write(self._master, self._typed)]
        except BlockingIOError:
            pass
        except OSError:
            self._close()
            return
        self._loop.on_writable(self._master, self._transmit if self._typed else None)

    def _ended(self) -> None:
        while self._show():
            pass
        self._close()
        self._on_end()

    def _close(self) -> None:
        if self._master >= 0:
            self._loop.on_readable(self._master, None)
            self._loop.on_writable(self._master, None)
            os.close(self._master)
            self._master = -1


def _start(settings: Settings, tty: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        settings.shell,
        stdin=tty,
        stdout=tty,
        stderr=tty,
        cwd=settings.home,
        env=settings.environ,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - there are no threads here
    )


def _take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C reaches the shell's jobs."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
