"""What the shell asks of a prompt."""

from typing import Literal, Protocol


class Cleared(Exception):
    """Ctrl-C at the prompt: what was typed is dropped."""


class Left(Exception):
    """Ctrl-D on an empty line, or the terminal has gone."""


class Reader(Protocol):
    """A prompt on some kind of terminal."""

    async def read(self) -> str:
        """Return the next input, which may hold several lines; raises Cleared or Left."""

    async def drawn(self) -> None:
        """Wait until the first prompt is on the screen."""

    async def beside(self) -> None:
        """Do what the prompt does beside being typed at, until cancelled."""

    def begin_line(self) -> None:
        """Move to the start of a line: a program may have left the cursor anywhere."""

    def ran(self) -> None:
        """Note that a command has run."""

    async def done(self, exit_code: int, seconds: float) -> None:
        """Note how all that was typed at a prompt has ended."""

    def ended(self) -> None:
        """Note that a background job has ended."""

    def put(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Put whole lines on the screen; what is typed stays, and what is unfinished is not
        touched.
        """
