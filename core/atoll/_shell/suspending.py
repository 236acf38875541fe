"""Ctrl-Z at the prompt: stops atoll until the user continues it in the shell that started it."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from prompt_toolkit.application import Application, run_in_terminal

if TYPE_CHECKING:
    from atoll._key_press import KeyPress

_TAKES_EFFECT = 0.05
"""Seconds in which the system stops a process that was sent a signal, for certain."""


def press(_press: "KeyPress") -> None:
    """Stop atoll, as `kill -TSTP` does."""
    os.kill(os.getpid(), signal.SIGTSTP)


@contextmanager
def suspending(app: Application[Any], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Make SIGTSTP stop atoll: the terminal gets its modes back before, and the typed line is drawn
    again afterwards.
    """

    def suspend() -> None:
        if app.is_running:
            run_in_terminal(_stop)

    loop.add_signal_handler(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


def _stop() -> None:
    """Stop the whole process group: a program that has started atoll may be waiting for it in the
    same group.
    """
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0, signal.SIGTSTP)
    time.sleep(_TAKES_EFFECT)
    signal.signal(signal.SIGTSTP, before)
