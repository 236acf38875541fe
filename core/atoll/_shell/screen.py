"""Standard output and error while a prompt is open.

Text that is written while the prompt is shown appears above it. The output of jobs appears on lines
of its own.
"""

import asyncio
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Literal

from attrs import define, field
from prompt_toolkit.application import Application

from atoll._foreground import BACK_TO_NORMAL
from atoll._shell.suspending import suspending
from atoll._shell.terminal_outlet import TerminalOutlet

_MOST_HELD = 10_000
"""How many texts are kept while a command has the whole screen."""


@define
class Screen:
    """Knows whether the prompt is shown, and puts text above it.

    Use it on the thread of `loop`; other threads may only write.
    """

    loop: asyncio.AbstractEventLoop
    outlet: TerminalOutlet | None = None
    """The outlet for all output, if the terminal could be opened a second time."""
    terminal: IO[str] = field(factory=lambda: sys.stdout)
    _waiting: list[tuple[IO[str], str]] = field(factory=list)
    _streams: dict[str, "_Stream"] = field(factory=dict)
    _app: Application[str] | None = None
    _begun: bool = False
    """Whether the line on which a command writes contains text."""
    _is_taken: bool = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace `sys.stdout` and `sys.stderr` in the block."""
        before = sys.stdout, sys.stderr
        if self.outlet is not None:
            self.outlet.on_free = self._note_free
        out, err = (_Stream(file, self) for file in before)
        sys.stdout, sys.stderr = out, err
        self._streams = {"stdout": out, "stderr": err}
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
            self._put()

    @property
    def shown(self) -> bool:
        """Whether the prompt is on the screen."""
        return self._app is not None

    @property
    def free(self) -> bool:
        """Whether a command may write without restrictions: neither the prompt nor a full screen is
        shown.
        """
        return self._app is None and not self._is_taken

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold back text during the block, the last part of it; other code has the whole screen."""
        self._is_taken = True
        try:
            yield
        finally:
            self._is_taken = False
            self._put()

    @contextmanager
    def prompting(self, app: Application[str]) -> Iterator[None]:
        """During the block, in which the prompt is shown, put text above it."""
        self._app = app
        try:
            with suspending(app, self.loop):
                yield
        finally:
            self._app, self._begun = None, False
            self._put()

    def interrupt(self) -> None:
        """Send Ctrl-C to what is shown, if something is; signal handlers may call this."""
        if self._app is not None:
            self.loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        app = self._app
        if app is not None and app.is_running and not app.is_done:
            app.key_processor.send_sigint()

    def put(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Print whole lines: above the prompt if it is shown, else below the last output."""
        if self._begun and not self.shown:
            text, self._begun = f"\n{text}", False
        self._streams[name].put(text)

    def write(self, file: IO[str], text: str) -> None:
        """Write whole lines: above the prompt if it is shown, else at once."""
        self._waiting.append((file, text))
        if self._is_taken or self._is_behind:
            del self._waiting[:-_MOST_HELD]
        elif self.shown:
            self.loop.call_soon_threadsafe(self._put_above)
        else:
            self._put()

    def wrote(self, text: str) -> None:
        """Note which text a command has written."""
        self._begun = not text.endswith("\n") if text else self._begun

    def begin_line(self) -> None:
        """Move to the start of a line, the next one if there is text on this one; reset the
        terminal's attributes.
        """
        # A terminal wraps a line only when a character follows the last column. So a row of spaces
        # that starts at the beginning of a line ends on that line; otherwise it ends on the next
        # line.
        columns = shutil.get_terminal_size().columns
        self.terminal.write(BACK_TO_NORMAL + " " * columns + "\r")
        self.terminal.flush()
        self._begun = False

    def _put_above(self) -> None:
        app = self._app
        if app is None or not app.is_running:
            self._put()
        elif self._waiting and not self._is_behind:
            # prompt_toolkit's own in_terminal() would leave raw mode meanwhile, and a Ctrl-D or
            # Ctrl-C at that moment would never reach the prompt.
            app.renderer.erase()
            self._put()
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    @property
    def _is_behind(self) -> bool:
        """Whether the prompt is shown on a terminal that accepts no output at the moment."""
        return self.shown and self.outlet is not None and self.outlet.is_behind

    def _note_free(self) -> None:
        """Called when the terminal has accepted all output that was held."""
        self.loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        """Draw what was dropped or held back, unless the terminal accepts no output again."""
        app, outlet = self._app, self.outlet
        if app is None or not app.is_running or outlet is None or outlet.is_behind:
            return
        if outlet.lost:
            outlet.lost = False
            app.renderer.clear()
            app.invalidate()
        self._put_above()

    async def drain(self) -> None:
        """Wait while much output is held that the terminal has not accepted."""
        if self.outlet is not None:
            await self.outlet.drain()

    def _put(self) -> None:
        waiting, self._waiting = self._waiting, []
        for file, text in waiting:
            file.write(text)
            file.flush()


class _Stream:
    """A stream that writes through the screen."""

    def __init__(self, file: IO[str], screen: Screen) -> None:
        self._file = file
        self._screen = screen
        self._unfinished = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        if self._screen.free:
            self._screen.wrote(text)
            return self._file.write(text)
        lines, end, self._unfinished = (self._unfinished + text).rpartition("\n")
        if end:
            self._screen.write(self._file, lines + end)
        return len(text)

    def put(self, text: str) -> None:
        """Write whole lines, even after an unfinished line."""
        self._screen.write(self._file, text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._screen.free:
            self._file.flush()
