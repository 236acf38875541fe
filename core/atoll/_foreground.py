"""Lends the terminal of a prompt to one program at a time."""

import os
import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from attrs import define, field

BACK_TO_NORMAL = (
    "\x1b[?1047l"  # the normal screen; if it is on already, the cursor stays
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"  # no mouse
    "\x1b[?2004l\x1b[?1l\x1b>"  # plain paste, and normal cursor keys
    "\x0f\x1b[0m\x1b[?25h"  # normal characters and colours, and a visible cursor
)
"""Resets what programs may leave changed in a terminal if they are killed."""


@define
class Foreground:
    """The process group that has the terminal: the prompt's, or that of a program.

    `modes` are the terminal's modes as the user has set them; each program starts with them.
    """

    descriptor: int
    modes: list[Any] = field(repr=False)
    on_return: Callable[[], object] = lambda: None
    """Called when the terminal comes back."""
    lent: int = field(default=0, init=False)
    """The process group that has the terminal, 0 for the prompt's own."""

    @classmethod
    def of(cls, file: IO[str]) -> "Foreground | None":
        """Return the terminal of a file; None if it is no terminal, or belongs to another process
        group.
        """
        with suppress(OSError, ValueError, termios.error):
            descriptor = file.fileno()
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                return cls(descriptor, termios.tcgetattr(descriptor))
        return None

    @property
    def sends_signals(self) -> bool:
        """Whether Ctrl-Z and Ctrl-C are signals at present: no command reads single keys."""
        with suppress(OSError, termios.error):
            return bool(termios.tcgetattr(self.descriptor)[3] & termios.ISIG)
        return False

    def lend(self, group: int, modes: list[Any] | None = None) -> None:
        """Give the terminal to a process group, with the modes that it had before."""
        if modes is not None:
            self._set_modes(modes)
        with _unstopped(), suppress(OSError):
            os.tcsetpgrp(self.descriptor, group)
            self.lent = group

    def take_back(self) -> list[Any]:
        """Give the terminal back to the prompt; returns the modes in which the program
        has left it.
        """
        left = self.modes
        with _unstopped(), suppress(OSError, termios.error):
            os.tcsetpgrp(self.descriptor, os.getpgrp())
            left = termios.tcgetattr(self.descriptor)
        self.restore()
        self.lent = 0
        self.on_return()
        return left

    def restore(self) -> None:
        """Set the terminal's modes to those of the user."""
        self._set_modes(self.modes)

    def _set_modes(self, modes: list[Any]) -> None:
        # This takes effect at once, without waiting for pending output, which the user may have
        # stopped by Ctrl-S.
        with _unstopped(), suppress(OSError, termios.error):
            termios.tcsetattr(self.descriptor, termios.TCSANOW, modes)


@contextmanager
def _unstopped() -> Iterator[None]:
    """Block SIGTTOU in the block, so that a process in the background can change the terminal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
