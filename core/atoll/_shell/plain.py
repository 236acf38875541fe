"""A prompt without line editing, for terminals that can't move their cursor."""

import signal
import sys
from collections.abc import AsyncIterator

import trio
from attrs import define

from atoll._jobs import Job
from atoll._shell.reader import Cleared, Left, is_open
from atoll._terminal import Source


@define
class PlainReader:
    """Reads lines as the terminal gives them, and asks for them on standard error."""

    stdin: Source

    async def read(self) -> str:
        """Return the next input; raises Cleared or Left."""
        text = await self._line("atoll> ")
        while is_open(text):
            text += "\n" + await self._line("...... ")
        return text

    async def _line(self, question: str) -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        line, interrupted = None, True
        with trio.open_signal_receiver(signal.SIGINT) as presses:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_on_press, presses, nursery.cancel_scope)
                line = await self.stdin.line()
                interrupted = False
                nursery.cancel_scope.cancel()
        if line is None:
            sys.stderr.write("\n")
            raise Cleared if interrupted else Left
        return line

    def ran(self) -> None:
        """Do nothing: nothing is completed here."""

    def ended(self, job: Job) -> None:
        """Do nothing: output is written as it comes."""


async def _cancel_on_press(presses: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in presses:
        scope.cancel()
