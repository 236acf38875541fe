"""The methods that the shell needs of a prompt."""

from typing import Literal, Protocol


class Cleared(Exception):
    """Ctrl-C at the prompt: the typed line is dropped."""


class Left(Exception):
    """Ctrl-D on an empty line, or the terminal was closed."""


class Reader(Protocol):
    """A prompt on some kind of terminal."""

    async def read(self) -> str:
        """Return the next input, which may hold several lines; raises Cleared or Left."""

    async def wait_until_drawn(self) -> None:
        """Wait until the first prompt is on the screen."""

    async def run_background(self) -> None:
        """Do the prompt's background work, until cancelled."""

    def begin_line(self) -> None:
        """Move to the start of a line: a program may have left the cursor anywhere."""

    def note_command(self) -> None:
        """Note that a command has run."""

    async def record_end(self, exit_code: int, seconds: float) -> None:
        """Record how the line that was typed at a prompt has ended."""

    def note_job_end(self) -> None:
        """Note that a background job has ended."""

    def put(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Print whole lines; the typed line, and unfinished output, are kept."""

    async def drain(self) -> None:
        """Wait while much output is held that the terminal has not accepted."""
