"""Ctrl-C, and the signals that end the program, while a command runs in the foreground."""

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import trio
from attrs import define

from atoll._errors import ExitCode, is_interruption
from atoll._runtime import is_interrupt


async def interruptible(call: Callable[[], Awaitable[int]]) -> int:
    """Run a command that Ctrl-C cancels, unless it takes Ctrl-C for itself.

    A signal that ends the process does so when the command has put its things away.
    """
    code, failure = int(ExitCode.INTERRUPTED), None
    deadly: list[int] = []
    numbers = (signal.SIGINT, *_deadly_signals())
    with trio.open_signal_receiver(*numbers) as signals, _insisting(numbers) as unheard:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope, deadly, unheard)
            try:
                code = await call()
            except BaseException as error:  # raised again below, outside the nursery's group
                # Pressed before this listened, Ctrl-C comes up wherever the command is by then.
                if not is_interruption(error):
                    failure = error
                elif not is_interrupt(error):
                    raise
            nursery.cancel_scope.cancel()
    if deadly:
        with suppress(OSError):
            sys.stdout.flush()
        signal.raise_signal(deadly[0])
    if failure is not None:
        raise failure
    return code


def _deadly_signals() -> list[signal.Signals]:
    """Return the signals that would end the process: the prompt has its own ways, `nohup` too."""
    asked = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in asked if signal.getsignal(number) is signal.SIG_DFL]


@define
class _Unheard:
    """Whether a signal has come that the event loop has not heard of yet."""

    waiting: bool = False


async def _cancel_on_signal(
    signals: AsyncIterator[int], scope: trio.CancelScope, deadly: list[int], unheard: _Unheard
) -> None:
    async for number in signals:
        unheard.waiting = False
        if number != signal.SIGINT:
            deadly.append(number)
            # The next one does not wait for anything.
            signal.signal(number, signal.SIG_DFL)
        scope.cancel()


@contextmanager
def _insisting(numbers: Iterable[int]) -> Iterator[_Unheard]:
    """Have a second signal break into code that keeps the event loop from hearing of the first."""
    unheard = _Unheard()
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}

    def insist(number: int, frame: FrameType | None) -> None:
        if unheard.waiting and _is_within(frame):
            if number != signal.SIGINT:
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            raise KeyboardInterrupt
        unheard.waiting = True
        handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, insist)
    try:
        yield unheard
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is insist:
                signal.signal(number, handler)


def _is_within(frame: FrameType | None) -> bool:
    """Whether it is a command that runs, and neither trio nor a task of the prompt."""
    while frame is not None:
        if frame.f_code is interruptible.__code__:
            return True
        frame = frame.f_back
    return False
