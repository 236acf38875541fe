"""A line that was typed at a prompt, while it runs in the prompt's own process.

It begins in the foreground. Ctrl-Z moves it to the background, where it goes on: its output is
labelled, and it waits where it needs the terminal, until `fg` brings it back.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field

if TYPE_CHECKING:
    import trio

Handler = Callable[[int, FrameType | None], None]


class Program(Protocol):
    """A program of the system that can be ended."""

    def terminate(self) -> None:
        """End it by SIGTERM."""


def _nothing(*_: Any) -> None:
    """Do nothing."""


@define(eq=False)
class FrontLine:
    """A typed line.

    `is_moved` is true while it runs in the background. Of `handlers`, the last one is called at
    interrupts. `target` is the FixedTarget that it keeps in the background. `interrupted` is true
    after Ctrl-C between two of its statements.
    """

    on_move: Callable[[], None] = _nothing
    """Called when the line is moved to the background."""
    on_stop: Callable[[], None] = _nothing
    """Called when the line can't go on without the terminal."""
    on_progress: Callable[[str], None] = _nothing
    """Called with progress messages of a line in the background."""
    number: int = 0
    """The number of the job, 0 until it is listed."""
    is_moved: bool = False
    waits: bool = False
    """Whether it needs the terminal to go on."""
    interrupted: bool = False
    target: Any = None
    handlers: list[Handler] = field(factory=list)
    programs: list[Program | None] = field(factory=list)
    """Programs of the system that use the terminal for the line. Ctrl-Z stops them."""
    begun: dict[str, str] = field(factory=dict)
    """The unfinished line of each stream."""
    readers: "list[trio.CancelScope]" = field(factory=list)
    """Cancelled when the line is moved, since they read from the terminal."""
    _returned: "trio.Event | None" = None

    def press(self, number: int, frame: FrameType | None) -> None:
        """Handle an interrupt."""
        if self.handlers:
            self.handlers[-1](number, frame)
        elif number == signal.SIGINT:
            self.interrupted = True

    def move(self) -> None:
        """Note that the line is in the background from now on."""
        if not self.is_moved:
            self.is_moved = True
            for reader in self.readers:
                reader.cancel()
            self.on_move()

    def come_back(self) -> None:
        """Note that the line is in the foreground again, and let it use the terminal."""
        self.is_moved = self.waits = False
        self.go_on()
        if self._returned is not None:
            self._returned.set()

    def go_on(self) -> None:
        """Continue its programs, and others that Ctrl-Z has stopped with them.

        They belong to the process group of the prompt, as all of the line's programs that use the
        terminal.
        """
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(0, signal.SIGCONT)

    def end_programs(self) -> None:
        """End programs that could otherwise wait for ever, since they are stopped."""
        for program in self.programs:
            if program is not None:
                program.terminate()
        if self.programs:
            self.go_on()

    async def park(self) -> None:
        """Stop, and wait until the line is in the foreground again."""
        import trio

        self.waits, self._returned = True, trio.Event()
        self.on_stop()
        await self._returned.wait()


current_line: ContextVar[FrontLine | None] = ContextVar("current_line", default=None)
"""The typed line that the running code belongs to; None in scripts and jobs."""


def moved_line() -> FrontLine | None:
    """Return the typed line that the running code belongs to, if it is in the background."""
    line = current_line.get()
    return line if line is not None and line.is_moved else None


async def terminal_free() -> None:
    """Wait until the running code may use the terminal: after Ctrl-Z, until `fg`."""
    while (line := moved_line()) is not None:
        await line.park()


@contextmanager
def lent_to(program: Program | None = None) -> Iterator[None]:
    """Note that a program of the system uses the terminal during the block, so that Ctrl-Z stops
    the line that runs it.
    """
    if (line := current_line.get()) is None:
        yield
        return
    line.programs.append(program)
    try:
        yield
    finally:
        line.programs.remove(program)
