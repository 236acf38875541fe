"""Leaves the prompt even where something keeps itself from being cancelled."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress

from attrs import define, field

from atoll._errors import ExitCode
from atoll._state import ShellState

_PATIENCE = 3.0
"""Seconds that the tasks of plugins have for their end."""
_STEP = 0.25


@define
class Leaving:
    """Watches, on a thread of its own, whether the prompt ends once that is asked for.

    Jobs have all the time that they need to put their things away; the tasks of plugins do not.
    `restore` leaves the terminal as it was found.
    """

    state: ShellState
    restore: Callable[[], None]
    _done: threading.Event = field(factory=threading.Event)

    def begin(self) -> None:
        """Note that all has been cancelled."""
        threading.Thread(target=self._watch, daemon=True).start()

    def done(self) -> None:
        """Note that all has ended."""
        self._done.set()

    def _watch(self) -> None:
        left = _PATIENCE
        while left > 0:
            if self._done.wait(_STEP):
                return
            left -= 0 if self.state.jobs.running() else _STEP
        self.restore()
        with suppress(OSError):
            os.write(2, b"\r\natoll: a plugin's background task did not end; left without it\n")
        os._exit(self.state.leaving or ExitCode.OK)
