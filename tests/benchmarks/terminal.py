"""A terminal of the benchmarks' own: a program on it is typed at, and asked what it takes."""

import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

SILENCE = 0.5
"""Seconds without output after which a prompt has come to rest."""
DEADLINE = 20.0
"""Seconds that a program may keep silent while something is awaited of it."""
_ASKED, _ANSWER = b"\x1b[6n", b"\x1b[1;1R"


class Terminal:
    """A program on a terminal of its own, which tells where its cursor is when it is asked."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            variables = {**environ, "TERM": "xterm-256color"}
            os.execve(command[0], command, variables)  # noqa: S606  # a list of words, as ever
        ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self._end = b""

    def press(self, keys: str) -> None:
        """Write keys, as fast as they are taken."""
        data = keys.encode()
        while data:
            if select.select([self.file], [self.file], [], DEADLINE)[0]:
                self.read()
            else:
                data = data[os.write(self.file, data[:500]) :]

    def read(self) -> bytes:
        """Read what is there."""
        shown = os.read(self.file, 65536)
        # A question may come in two pieces.
        text, self._end = self._end + shown, shown[1 - len(_ASKED) :]
        for _ in range(text.count(_ASKED)):
            os.write(self.file, _ANSWER)
        return shown

    def wait(self, seconds: float) -> bool:
        """Wait until there is something to read; returns whether that came in time."""
        return bool(select.select([self.file], [], [], seconds)[0])

    def rest(self) -> None:
        """Read until nothing more comes."""
        while self.wait(SILENCE):
            self.read()

    def time(self, key: str) -> tuple[float, float]:
        """Press a key; returns the seconds until it is shown, and what these would be had the
        program a processor to itself.
        """
        began, waited = time.perf_counter(), self.waited()
        os.write(self.file, key.encode())
        if not self.wait(DEADLINE):
            sys.exit(f"the key {key!r} was not shown")
        took, waited = time.perf_counter() - began, self.waited() - waited
        self.read()
        return took, max(took - waited, 0.0)

    def waited(self) -> float:
        """Return the seconds for which the program, or this one, had no processor."""
        files = (Path(f"/proc/{process}/schedstat") for process in (self.pid, "self"))
        return sum(int(file.read_text().split()[1]) for file in files) / 1e9

    def close(self) -> None:
        """End the program."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.file)


@contextmanager
def opened(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Terminal]:
    """Run a prompt until it has drawn itself and come to rest."""
    terminal = Terminal(command, environ)
    try:
        terminal.wait(DEADLINE)
        terminal.rest()
        yield terminal
    finally:
        terminal.close()
