"""What the prompt knows of itself, for the toolbar, for what runs beside it, and for the commands
that only it has.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from atoll._jobs import Jobs
from atoll.text import printable

if TYPE_CHECKING:
    import trio

_MOST_HELD = 1000
"""How many lines are kept while a command has the terminal."""


@define
class ShellState:
    """The prompt, as toolbar segments, background tasks and keys are given it.

    `profile_name` is where the next command goes, empty while nothing is configured. `last_code`
    and `last_seconds` are about the last foreground command. `names_old` is true while the cluster
    does not tell the names that completion offers. `leaving` is the exit code to leave the prompt
    with, once a command has asked for that. `jobs.running()` are the jobs that run.
    """

    jobs: Jobs = field(factory=Jobs)
    profile_name: str = ""
    last_code: int = 0
    last_seconds: float = 0.0
    names_old: bool = False
    leaving: int | None = None
    redraws: Callable[[], object] = lambda: None
    """What the prompt does to draw its toolbar anew."""
    _held: "deque[str]" = field(factory=lambda: deque(maxlen=_MOST_HELD), init=False)
    """What was said while a command had the terminal."""
    _free: "trio.Event | None" = field(default=None, init=False)
    """Set when the command has ended that has the terminal; None while there is none."""

    def say(self, text: str) -> None:
        """Put a line above the prompt; what is typed there stays. While a command runs in the
        foreground, the line waits for its end.
        """
        self._held.append(f"{printable(text)}\n")
        if self._free is None:
            self._tell()

    def _tell(self) -> None:
        while self._held:
            sys.stderr.write(self._held.popleft())

    @contextmanager
    def busy(self) -> "Iterator[None]":
        """Hold back what is said: a command has the terminal."""
        import trio

        free = self._free = trio.Event()
        try:
            yield
        finally:
            self._free = None
            free.set()
            self._tell()

    async def idle(self) -> None:
        """Wait until no command runs in the foreground."""
        while self._free is not None:
            await self._free.wait()

    def redraw(self) -> None:
        """Draw the toolbar anew, since what its segments tell has changed."""
        self.redraws()
