"""The state of the prompt, for toolbar segments, background tasks, keys and commands."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    """The prompt, for toolbar segments, background tasks and keys.

    `profile_name` is the profile that the next command uses, empty if none is configured.
    `last_code` and `last_seconds` are those of the last foreground command. `names_old` is true
    while completion offers old names because the cluster returns no new ones. `leaving` is the exit
    code with which a command has asked to leave the prompt. `jobs.running()` returns the running
    jobs.
    """

    jobs: Jobs = field(factory=Jobs)
    profile_name: str = ""
    last_code: int = 0
    last_seconds: float = 0.0
    names_old: bool = False
    leaving: int | None = None
    interrupted: bool = False
    """Whether Ctrl-C was pressed since the line was entered, when no command was there to hear
    it.
    """
    drops_typed: Callable[[], object] = lambda: None
    """Drops the line that is being typed, if there is one; signal handlers may call this."""
    redraws: Callable[[], object] = lambda: None
    """Redraws the toolbar of the prompt."""
    held: "Callable[[], AbstractContextManager[None]]" = nullcontext
    """Holds back output of others while a command has the whole screen."""
    _held: "deque[str]" = field(factory=lambda: deque(maxlen=_MOST_HELD), init=False)
    """Lines from `say` that wait while a command has the terminal."""
    _free: "trio.Event | None" = field(default=None, init=False)
    """Set when the command that has the terminal ends; None if there is no such command."""

    merges: Callable[[], int] = lambda: 0
    """Reads the lines of other prompts into the history; returns how many are new."""

    def say(self, text: str) -> None:
        """Print a line above the prompt; the line being typed stays. While a command runs in the
        foreground, the line is held until the command has ended.
        """
        self._held.append(f"{printable(text)}\n")
        if self._free is None:
            self._tell()

    def _tell(self) -> None:
        while self._held:
            sys.stderr.write(self._held.popleft())

    @contextmanager
    def busy(self) -> "Iterator[None]":
        """Hold back the lines of `say`, since a command has the terminal."""
        import trio

        free = self._free = trio.Event()
        try:
            yield
        finally:
            if self._free is free:
                self.release()

    def release(self) -> None:
        """Print the lines of `say` again: the command has ended, or has left the foreground."""
        free, self._free = self._free, None
        if free is not None:
            free.set()
        self._tell()

    async def idle(self) -> None:
        """Wait until no command runs in the foreground."""
        while self._free is not None:
            await self._free.wait()

    def redraw(self) -> None:
        """Redraw the toolbar, after the data of a segment has changed."""
        self.redraws()
