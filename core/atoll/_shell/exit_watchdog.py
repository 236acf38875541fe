"""Ends the process even if some task does not end after it was cancelled."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from attrs import define, field

from atoll._errors import ExitCode
from atoll._state import ShellState

_TIMEOUT = 3.0
"""Seconds in which plugins' tasks must end, and in which the event loop must handle a signal."""
_LONGEST = 90.0
"""Seconds in which everything must end, including jobs."""
_STEP = 0.25
_SIGNALLED = 128


@define
class ExitWatchdog:
    """A thread that checks whether the prompt ends after it was cancelled.

    Jobs get enough time to clean up; background tasks of plugins get less. `restore` restores the
    terminal.
    """

    state: ShellState
    restore: Callable[[], None]
    _begun: threading.Event = field(factory=threading.Event)
    _done: threading.Event = field(factory=threading.Event)

    @contextmanager
    def watching(self, *numbers: int) -> Iterator[None]:
        """End the process at these signals even if the event loop does not handle them: the
        terminal may accept no output, or a plugin may block.
        """
        handlers: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}

        def handle(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=self._end_unless_begun, args=(number,), daemon=True).start()
            handlers[number](number, frame)

        for number in numbers:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def begin(self) -> None:
        """Note that everything was cancelled."""
        self._begun.set()
        threading.Thread(target=self._watch, daemon=True).start()

    def done(self) -> None:
        """Note that everything has ended."""
        self._done.set()

    def _end_unless_begun(self, number: int) -> None:
        if not self._begun.wait(_TIMEOUT):
            self._end(_SIGNALLED + number)

    def _watch(self) -> None:
        left, deadline = _TIMEOUT, time.monotonic() + _LONGEST
        while left > 0 and time.monotonic() < deadline:
            if self._done.wait(_STEP):
                return
            left -= 0 if self.state.jobs.running() else _STEP
        self._end(
            self.state.leaving or ExitCode.OK,
            b"\r\natoll: a plugin's background task did not end; left without it\n",
        )

    def _end(self, code: int, message: bytes = b"") -> None:
        for job in self.state.jobs.running():
            if job.child is not None:
                job.child.signal(signal.SIGTERM)
                job.child.signal(signal.SIGCONT)
        self.restore()
        with suppress(OSError):
            if message and select.select([], [2], [], 0)[1]:
                os.write(2, message)
        os._exit(code)
