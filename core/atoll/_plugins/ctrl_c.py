"""Distinguishes Ctrl-C from a KeyboardInterrupt that a plugin raises itself."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_presses: list[int] | None = None
"""One entry for each press of Ctrl-C while presses are recorded, else None."""


@contextmanager
def noting_presses() -> Iterator[None]:
    """Record presses of Ctrl-C while plugins are loaded; they raise KeyboardInterrupt as usual."""
    global _presses  # noqa: PLW0603  # signals have one handler in a process
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    _presses = []
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _presses = None


def _note(number: int, _frame: FrameType | None) -> None:
    if _presses is not None:
        _presses.append(number)
    raise KeyboardInterrupt


def may_be_ctrl_c() -> bool:
    """Whether a KeyboardInterrupt from a plugin's code can come from the user.

    Python raises it for the user's Ctrl-C in the main thread only; under trio it is raised at
    checkpoints, and no plugin is called across a checkpoint unless another handler takes Ctrl-C.
    """
    if threading.current_thread() is not threading.main_thread():
        return False
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return False
    return _presses is None or bool(_presses)
