"""A full screen of the terminal: drawn when something changes, and removed at the end.

    screen = FullScreen(context, draw, pressed)
    await screen.run(keep_up_to_date)

`draw` returns the lines, and `pressed` is called with each key. The function that `run` gets calls
`screen.redraw()` when there is something new to show. Afterwards the former content of the terminal
is restored, even if the command fails, is ended by a signal, or is suspended.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, TypeAlias

import trio
from attrs import define, field

from atoll._context import Context
from atoll._errors import UsageError
from atoll._front_line import current_line, terminal_free
from atoll._redirection import written

if TYPE_CHECKING:
    from atoll._canvas import Canvas

__all__ = ["FullScreen", "Line", "check_terminal"]

Line: TypeAlias = Sequence[tuple[str, str]]
"""The texts of one line, each after its style: the name of one of the screen's styles, or a style
such as `bold reverse`.
"""
_FREQUENCY = 0.05
"""The least number of seconds between two drawings."""
_ALTERNATE, _BACK, _CLEAR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[H\x1b[2J"


def check_terminal(context: Context, what: str) -> None:
    """Raise UsageError if there is no terminal to draw on; `what` names the command that needs
    it.
    """
    file = context.stdin.file
    if not context.foreground or file is None or not file.isatty() or not _stdout_is_terminal():
        raise UsageError(f"{what} needs a terminal")
    if context.environ.get("TERM") in {None, "", "dumb"}:
        raise UsageError(f"{what} needs a terminal that can move its cursor", hint="TERM names it")


def _stdout_is_terminal() -> bool:
    return sys.__stdout__ is not None and sys.__stdout__.isatty()


@define
class FullScreen:
    """A screen that a command has to itself, from :meth:`run` until :meth:`leave`.

    `draw(columns, rows)` returns the lines to show, at most `rows`. `pressed(key)` gets keys as
    prompt_toolkit names them (`a`, `up`, `pagedown`, `c-c`), and `enter`, `tab`, `backspace`,
    `escape`. Both are plain functions that must not block. `styles` maps names to styles (`{"head":
    "bold ansigreen"}`).
    """

    context: Context
    draw: Callable[[int, int], Sequence[Line]]
    pressed: Callable[[str], object]
    styles: Mapping[str, str] = field(factory=dict)
    _scope: trio.CancelScope | None = field(default=None, init=False)
    """Cancelled when the screen is left, for good or for a while."""
    _changed: trio.Event = field(factory=trio.Event, init=False)
    _pending: Callable[[], Awaitable[object]] | None = field(default=None, init=False)
    _error: Exception | None = field(default=None, init=False)
    _is_left: bool = field(default=False, init=False)

    async def run(self, *beside: Callable[[], Awaitable[object]]) -> None:
        """Show the screen until it is left; meanwhile run other work, which is cancelled at the
        end.

        The first error of that work, of drawing or of keys leaves the screen and is raised.
        """
        async with trio.open_nursery() as nursery:
            signals = () if current_line.get() else (self._receive_signals,)
            for work in (*signals, *beside):
                nursery.start_soon(self._leaving_by_errors, work)
            await self._leaving_by_errors(self._show_and_run_pending)
            nursery.cancel_scope.cancel()
        if self._error is not None:
            raise self._error

    async def _leaving_by_errors(self, work: Callable[[], Awaitable[object]]) -> None:
        with self._failing():
            await work()

    async def _show_and_run_pending(self) -> None:
        while not await self._left():
            # Meanwhile, other work may have been requested.
            if self._pending is None:
                await self._show()
            else:
                pending, self._pending = self._pending, None
                await pending()

    async def _left(self) -> bool:
        await terminal_free()
        return self._is_left

    def redraw(self) -> None:
        """Draw the screen again soon, since something has changed."""
        self._changed.set()

    def leave(self) -> None:
        """Give the terminal back, and make :meth:`run` return."""
        self._is_left = True
        self._stop_drawing()

    def aside(self, work: Callable[[], Awaitable[object]]) -> None:
        """Let other code use the terminal for a while, with an empty screen; then return.

        Text that the code leaves on the terminal is removed.
        """
        self._interrupt_for(_on_clean_screen, work)

    def suspend(self) -> None:
        """Stop the program, as Ctrl-Z does, with the former content of the terminal. At a prompt,
        stop only the line that has the screen, until `fg`.
        """
        line = current_line.get()
        self._interrupt_for(_stop_process if line is None else line.park)

    def _interrupt_for(self, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        self._pending = lambda: work(*arguments)
        self._stop_drawing()

    def _stop_drawing(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    async def _show(self) -> None:
        from atoll._canvas import Canvas

        canvas = Canvas.open(self.context, self.styles)
        with self._holding_other_output(), canvas.shown():
            async with trio.open_nursery() as nursery:
                self._scope = nursery.cancel_scope
                if current_line.get():
                    # Another line may have the screen while this one is parked.
                    nursery.start_soon(self._receive_signals)
                nursery.start_soon(self._read_keys, canvas)
                nursery.start_soon(self._follow_size, canvas)
                nursery.start_soon(self._draw, canvas)
        self._scope = None

    async def _draw(self, canvas: "Canvas") -> None:
        while True:
            self._changed = trio.Event()
            with self._failing():
                canvas.draw(self.draw(*canvas.size))
            await written(sys.__stdout__)
            await trio.sleep(_FREQUENCY)
            await self._changed.wait()

    async def _follow_size(self, canvas: "Canvas") -> None:
        with trio.open_signal_receiver(signal.SIGWINCH) as changes:
            async for _ in changes:
                canvas.forget()
                self.redraw()

    async def _read_keys(self, canvas: "Canvas") -> None:
        async with aclosing(canvas.keys()) as keys:
            async for key in keys:
                with self._failing():
                    if key == "c-z":
                        self.suspend()
                    else:
                        self.pressed(key)
                if self._is_left or self._pending is not None:
                    return  # keys that follow are for the next reader of the terminal
        self.leave()  # the terminal was closed

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Leave the screen if the block raises an error, which `run` raises."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # run() raises it
            self._error = self._error or _only(error)
            self.leave()

    @contextmanager
    def _holding_other_output(self) -> Iterator[None]:
        """Hold back output of others to the terminal until it is free again."""
        shell, output = self.context.shell, self.context.output
        if shell is not None:
            with shell.held():
                yield
            return
        before, held = output.stderr, StringIO()
        output.stderr = sys.stderr = held
        try:
            yield
        finally:
            output.stderr = sys.stderr = before
            before.write(held.getvalue())

    async def _receive_signals(self) -> None:
        """Suspend the program at SIGTSTP, and draw everything again at SIGCONT."""
        with trio.open_signal_receiver(signal.SIGTSTP, signal.SIGCONT) as signals:
            await self._handle_signals(signals)

    async def _handle_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number == signal.SIGTSTP:
                self.suspend()
            elif self._pending is None:
                # The program was stopped without notice, and the shell has changed the terminal's
                # modes.
                self._interrupt_for(trio.lowlevel.checkpoint)


def _only(error: Exception) -> Exception:
    """Return the only error of a group, or the first of several."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def _on_clean_screen(work: Callable[[], Awaitable[object]]) -> None:
    """Run other code on a screen of its own, which is removed at the end."""
    _put(_ALTERNATE + _CLEAR)
    try:
        await work()
    finally:
        _put(_BACK)


def _put(text: str) -> None:
    assert sys.__stdout__ is not None  # noqa: S101  # a terminal, as was checked
    with suppress(OSError):
        sys.__stdout__.write(text)
        sys.__stdout__.flush()


async def _stop_process() -> None:
    """Stop the process group; returns when it is continued."""
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    try:
        os.kill(0, signal.SIGTSTP)
        await trio.lowlevel.checkpoint()
    finally:
        signal.signal(signal.SIGTSTP, before)
