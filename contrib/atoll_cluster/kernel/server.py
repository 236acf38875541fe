"""A program that accepts connections at a unix socket."""

from __future__ import annotations

import signal
import time

from .child import Child
from .dialing import dial
from .output import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from .loop import Loop
    from .settings import Settings

LISTEN_TIMEOUT = 60.0
"""Seconds in which a program must begin to listen."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.2
"""Seconds between checks whether the program listens: the first pause, and the longest."""
GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL when a program is ended."""
MOST_OUTPUT = 2000
"""How many of the last characters of its output are kept, for the message if it ends."""


class ServiceProcess:
    """The process of a service; connections wait until it listens."""

    def __init__(
        self,
        loop: Loop,
        settings: Settings,
        path: str,
        argv: Sequence[str],
        environ: dict[str, str],
    ) -> None:
        """Start the program, which must listen at `path`; raises OSError."""
        self._loop, self._path = loop, path
        self._output = ""
        self._ready = False
        self._until = time.monotonic() + LISTEN_TIMEOUT
        self._waiting: list[tuple[Callable[[socket.socket], None], Callable[[str], None]]] = []
        self.ended = False
        self._child = Child(loop, settings, argv, self._keep_output, environ=environ)
        loop.on_exit(self._child.process, self._exited)
        self._try_to_connect(FIRST_PAUSE)

    def connect(self, done: Callable[[socket.socket], None], failed: Callable[[str], None]) -> None:
        """Connect as soon as the program listens; `failed` gets the reason if that fails."""
        if not self._ready:
            self._waiting.append((done, failed))
            return

        def decided(sock: socket.socket | None) -> None:
            if sock is None:
                failed("it accepts no connections")
            else:
                done(sock)

        dial(self._loop, [self._path], decided)

    def terminate(self) -> None:
        """Ask the program to end; kill it after `GRACE` seconds."""
        self._child.signal(signal.SIGTERM)
        self.expect_end()

    def expect_end(self) -> None:
        """Kill the program in `GRACE` seconds; it was asked to end."""
        self._loop.later(GRACE, self.kill)

    def kill(self) -> None:
        if not self.ended:
            self._child.signal(signal.SIGKILL)

    def _try_to_connect(self, pause: float) -> None:
        def decided(sock: socket.socket | None) -> None:
            if sock is not None:
                sock.close()
                self._become_ready()
            elif time.monotonic() > self._until:
                self._fail(f"it does not listen after {LISTEN_TIMEOUT:.0f} seconds")
                self.kill()
            elif not self.ended:
                longer = min(1.3 * pause, LONGEST_PAUSE)
                self._loop.later(pause, lambda: self._try_to_connect(longer))

        dial(self._loop, [self._path], decided)

    def _become_ready(self) -> None:
        self._ready = True
        waiting, self._waiting = self._waiting, []
        for done, failed in waiting:
            self.connect(done, failed)

    def _keep_output(self, _stream: str, text: str) -> None:
        self._output = (self._output + readable(text))[-MOST_OUTPUT:]

    def _exited(self, code: int) -> None:
        self.ended = True
        self._child.output.leave()
        last = self._output.strip().splitlines()[-1:]
        self._fail(": ".join([f"it ended with exit code {code}", *last]))

    def _fail(self, why: str) -> None:
        waiting, self._waiting = self._waiting, []
        for _, failed in waiting:
            failed(why)
