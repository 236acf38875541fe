"""Cancels a command at Ctrl-C, and ends the program in an orderly way at signals such as
SIGTERM.
"""

import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any, Self

import trio
from attrs import define, field

from atoll._errors import ExitCode, is_interruption
from atoll._front_line import FrontLine, current_line
from atoll._runtime import is_interrupt

_QUIT_CODE = 131
r"""The exit code of a command that Ctrl-\ has ended: 128 and the number of SIGQUIT."""
_ending: ContextVar[frozenset[int]] = ContextVar("_ending", default=frozenset())
"""The signals that end the whole script, if the running command is part of one."""


async def interruptible(call: Callable[[], Awaitable[int]]) -> int:
    r"""Run a command. Ctrl-C cancels it, unless it handles Ctrl-C itself; Ctrl-\ always cancels it.

    A signal that ends the process does so after the command has cleaned up.
    """
    state = _SignalState(_deadly_signals())
    keys = {signal.SIGINT, signal.SIGQUIT} - _ending.get()
    code = await _until(partial(_within, call), state, (*keys, *state.deadly))
    return _QUIT_CODE if state.last == signal.SIGQUIT and code == ExitCode.INTERRUPTED else code


async def ending_in_order(call: Callable[[], Awaitable[int]]) -> int:
    """Run a script with its jobs. A signal that ends the process does so after all of them have
    cleaned up.
    """
    state = _SignalState(_deadly_signals())
    if not state.deadly:
        return await call()
    token = _ending.set(frozenset(state.deadly))
    try:
        return await _until(call, state, state.deadly)
    finally:
        _ending.reset(token)


async def _until(
    call: Callable[[], Awaitable[int]], state: "_SignalState", numbers: Sequence[int]
) -> int:
    """Run a call, and cancel it when one of these signals comes. A signal that ends the process is
    raised again after the call has cleaned up.
    """
    code, failure = int(ExitCode.INTERRUPTED), None
    with _received(numbers, state) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(state.cancel_on_signal, signals, nursery.cancel_scope)
            try:
                code = await call()
            except BaseException as error:  # raised again below, outside the nursery's group
                # Ctrl-C before the receiver was open raises KeyboardInterrupt inside the command.
                if not is_interruption(error):
                    failure = error
                elif not is_interrupt(error) or signal.SIGINT not in numbers:
                    raise
            nursery.cancel_scope.cancel()
    if state.last in state.deadly:
        with suppress(OSError):
            sys.stdout.flush()
        signal.raise_signal(state.last)
    if failure is not None:
        raise failure
    return code


async def _within(call: Callable[[], Awaitable[int]]) -> int:
    """Await a command. What is raised in its code, and only that, is caught in `_until`."""
    return await call()


def _deadly_signals() -> list[signal.Signals]:
    """Return the signals that would end the process. A signal that the prompt handles, or that
    `nohup` has switched off, is not among them.
    """
    asked = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    return [number for number in asked if signal.getsignal(number) is signal.SIG_DFL]


@define
class _SignalState:
    """The signal that came last, and the signals that end the process. `waiting` is true between
    the arrival of a signal and the moment when the event loop handles it.
    """

    deadly: Sequence[int]
    last: int = 0
    waiting: bool = False

    async def cancel_on_signal(self, signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        async for number in signals:
            self.waiting = False
            self.last = self.last if self.last in self.deadly else number
            if number in self.deadly:
                # The same signal a second time ends the process at once.
                signal.signal(number, signal.SIG_DFL)
            scope.cancel()


@contextmanager
def _received(numbers: Sequence[int], state: "_SignalState") -> Iterator[AsyncIterator[int]]:
    """Receive signals during the block; for a line of a prompt, as long as it is in the
    foreground.
    """
    line = current_line.get()
    if line is not None and not state.deadly:
        with _presses(line, state) as presses:
            yield presses
    else:
        with (
            trio.open_signal_receiver(*numbers) as signals,
            _interrupting_again(numbers, state),
        ):
            yield signals


@contextmanager
def presses_of_line() -> Iterator[AsyncIterator[int]]:
    """Receive Ctrl-C during the block; for a line of a prompt, as long as it is in the
    foreground.
    """
    if (line := current_line.get()) is not None:
        with _presses(line) as presses:
            yield presses
    else:
        with trio.open_signal_receiver(signal.SIGINT) as presses:
            yield presses


@contextmanager
def _presses(line: FrontLine, state: "_SignalState | None" = None) -> Iterator["_Presses"]:
    """Receive the interrupts of a line during the block."""
    presses = _Presses(state)
    line.handlers.append(presses.hear)
    try:
        yield presses
    finally:
        line.handlers.remove(presses.hear)
        for number in presses.waiting:  # the line, or code around this, handles what came too late
            line.press(number, None)


@define(eq=False)
class _Presses:
    """The interrupts of a line, as they come."""

    state: "_SignalState | None"
    waiting: deque[int] = field(factory=deque)
    _token: trio.lowlevel.TrioToken = field(factory=trio.lowlevel.current_trio_token)
    _arrived: trio.Event = field(factory=trio.Event)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Take an interrupt; a signal handler calls this."""
        if self.state is not None:
            if _can_raise(self.state, frame):
                raise KeyboardInterrupt
            self.state.waiting = True
        self.waiting.append(number)
        self._token.run_sync_soon(self._wake)

    def _wake(self) -> None:
        self._arrived.set()
        self._arrived = trio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        await trio.lowlevel.checkpoint()
        while not self.waiting:
            await self._arrived.wait()
        return self.waiting.popleft()


@contextmanager
def _interrupting_again(numbers: Iterable[int], state: _SignalState) -> Iterator[None]:
    """Let a second signal interrupt code that keeps the event loop from handling the first."""
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}

    def interrupt(number: int, frame: FrameType | None) -> None:
        if _can_raise(state, frame):
            if number in state.deadly:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            raise KeyboardInterrupt
        state.waiting = True
        handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is interrupt:
                signal.signal(number, handler)


def _can_raise(state: _SignalState, frame: FrameType | None) -> bool:
    """Whether the first signal still waits, and code of a command runs."""
    return state.waiting and not trio.lowlevel.currently_ki_protected() and _is_within(frame)


def _is_within(frame: FrameType | None) -> bool:
    """Whether the code that runs belongs to a command, and not to trio, to a task of the prompt, or
    to what waits for the command.
    """
    while frame is not None and frame.f_code is not _until.__code__:
        if frame.f_code is _within.__code__:
            return True
        frame = frame.f_back
    return False
