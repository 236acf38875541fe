"""What the prompt knows of itself, for the toolbar, for what runs beside it, and for the commands
that only it has.
"""

import sys
from collections.abc import Callable

from attrs import define, field

from atoll._jobs import Jobs
from atoll.text import printable


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

    def say(self, text: str) -> None:
        """Put a line above the prompt; what is typed there stays."""
        sys.stderr.write(f"{printable(text)}\n")

    def redraw(self) -> None:
        """Draw the toolbar anew, since what its segments tell has changed."""
        self.redraws()
