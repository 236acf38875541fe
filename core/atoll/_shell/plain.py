"""A prompt without line editing, for terminals that can't move their cursor."""

import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Literal

import trio
from attrs import define

from atoll._shell.reader import Cleared, Left
from atoll._shell.target import prompt_text
from atoll._state import ShellState
from atoll._terminal import Source
from atoll._tokens import Tokenizer


@define
class PlainReader:
    """Reads lines as the terminal sends them, and writes the prompt to standard error."""

    stdin: Source
    state: ShellState

    async def read(self) -> str:
        """Return the next input; raises Cleared or Left."""
        tokenizer, lines, question = Tokenizer(), list[str](), prompt_text(self.state.profile_name)
        while not lines or tokenizer.open:
            lines.append(await self._line(question))
            deque(tokenizer.read(lines[-1] + "\n"), maxlen=0)
            question = "...... "
        return "\n".join(lines)

    async def _line(self, question: str) -> str:
        line, interrupted = None, True
        with trio.open_signal_receiver(signal.SIGINT) as presses, _stopped_by_keys():
            # From here on, Ctrl-C is about this line. It must work when the prompt is visible.
            self.state.interrupted = False
            sys.stderr.write(question)
            sys.stderr.flush()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_on_press, presses, nursery.cancel_scope)
                line = await self.stdin.line()
                interrupted = False
                nursery.cancel_scope.cancel()
        if line is None:
            sys.stderr.write("\n")
            raise Cleared if interrupted else Left
        return line

    async def wait_until_drawn(self) -> None:
        """Do nothing, since there is nothing to draw."""

    async def run_background(self) -> None:
        """Do nothing, since there is no completion."""

    def begin_line(self) -> None:
        """Do nothing, since the position of the cursor is not known."""

    def note_command(self) -> None:
        """Do nothing, since there is no completion."""

    async def record_end(self, exit_code: int, seconds: float) -> None:
        """Do nothing, since there is no history."""

    def note_job_end(self) -> None:
        """Do nothing, since there is no completion."""

    def put(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Write lines at once."""
        file = getattr(sys, name)
        file.write(text)
        file.flush()

    async def drain(self) -> None:
        """Do nothing, since no output is held."""


@contextmanager
def _stopped_by_keys() -> Iterator[None]:
    """Let Ctrl-Z stop atoll in the block."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


async def _cancel_on_press(presses: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in presses:
        scope.cancel()
