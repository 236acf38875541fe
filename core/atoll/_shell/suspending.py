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
"""Seconds after which the system has certainly stopped a process that got a signal."""


def press(_press: "KeyPress") -> None:
    """Stop atoll when its key is pressed."""
    stop_atoll()


def stop_atoll() -> None:
    """Stop atoll, as `kill -TSTP` does."""
    os.kill(os.getpid(), signal.SIGTSTP)


@contextmanager
def suspending(app: Application[Any], loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Make SIGTSTP stop atoll: the terminal's modes are restored before that, and the typed line is
    redrawn afterwards.
    """

    def suspend() -> None:
        if app.is_running:
            run_in_terminal(stop_all)

    before = signal.getsignal(signal.SIGTSTP)
    loop.add_signal_handler(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, before)


def stop_all() -> None:
    """Stop the whole process group, since a program that has started atoll may wait for it in the
    same group.
    """
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0, signal.SIGTSTP)
    time.sleep(_TAKES_EFFECT)
    signal.signal(signal.SIGTSTP, before)
