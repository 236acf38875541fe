"""A pager for lists that are longer than the screen, filled as its user scrolls."""

import os
import shlex
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from attrs import define, field

from atoll._front_line import lent_to, terminal_free

_CHUNK = 4096


def pager_command(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the command of the pager in `PAGER`, `less` by default; empty if there is none."""
    env = os.environ if environ is None else environ
    command = shlex.split(env.get("PAGER", "less"))
    return command if command and command[0] != "cat" and shutil.which(command[0]) else []


@asynccontextmanager
async def paging(command: list[str]) -> "AsyncIterator[Pager]":
    """Start a pager, and wait at the end of the block until the user has left it. If the user
    leaves earlier, that ends the block.
    """
    await terminal_free()
    pager = Pager.start(command)
    with lent_to(pager.process), suppress(BrokenPipeError):
        try:
            yield pager
        finally:
            await pager.aclose()


@define
class Pager:
    """A text file whose reader is a pager.

    Text is held until `drain` writes it, which waits while the pager accepts no more. So a long
    list is fetched only as far as the user reads. Raises BrokenPipeError after the user has left
    the pager.
    """

    process: "subprocess.Popen[str]"
    _held: list[str] = field(factory=list)
    _size: int = 0

    @classmethod
    def start(cls, command: list[str]) -> "Pager":
        """Start the pager; it prints a list that fits the screen and ends."""
        environ = {"LESS": "FRX", **os.environ}
        return cls(subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=environ))

    def write(self, text: str) -> int:
        """Hold a text for the pager."""
        self._held.append(text)
        self._size += len(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: `drain` writes, since this method must not wait."""

    def isatty(self) -> bool:
        """Return True, since a person reads the output."""
        return True

    async def drain(self, *, all: bool = False) -> None:
        """Write the held text, if there is enough of it or with `all`."""
        import trio

        if self._size >= _CHUNK or (all and self._held):
            text, self._held, self._size = "".join(self._held), [], 0
            await trio.to_thread.run_sync(self._hand_over, text)

    def _hand_over(self, text: str) -> None:
        assert self.process.stdin is not None  # noqa: S101  # asked for at its start
        self.process.stdin.write(text)
        self.process.stdin.flush()

    async def aclose(self) -> None:
        """Close the pager's input, and wait until the user has left it."""
        import trio

        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self.process.communicate)
