"""Starts trio: by itself, or as the guest of an asyncio loop.

Commands run under plain trio. The prompt and SSH use asyncio libraries; only for these, trio shares
its thread with an asyncio loop, and :func:`aio` awaits asyncio code from trio code. Otherwise
asyncio is not imported.
"""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import outcome
import trio

from atoll._errors import AtollError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Iterator

    from trio.lowlevel import Abort

T = TypeVar("T")
P = ParamSpec("P")


class NoAsyncio(AtollError):
    """A plugin awaits asyncio code, but there is no asyncio loop."""


_host: trio.lowlevel.RunVar[asyncio.AbstractEventLoop] = trio.lowlevel.RunVar("host loop")


def run(async_fn: Callable[..., Awaitable[T]], *args: Any, guest: bool = False) -> T:
    """Run `async_fn(*args)` under trio, with `guest` as by :func:`run_guest`; Ctrl-C raises
    KeyboardInterrupt at checkpoints only.
    """
    if guest:
        return run_guest(async_fn, *args)
    _allow_stopped_children()
    with _unwrapping_interrupts():
        return trio.run(async_fn, *args, restrict_keyboard_interrupt_to_checkpoints=True)


def _allow_stopped_children() -> None:
    """Make subprocess start programs by fork instead of vfork.

    Ctrl-Z may stop a child just before it executes the program. After vfork, the parent's thread
    waits for that and can't be stopped itself, so the shell would never notice that this process
    has stopped.
    """
    # The documentation says that this is read at each start, and that False is always safe.
    subprocess._USE_VFORK = False  # type: ignore[misc]  # noqa: SLF001


@contextmanager
def _unwrapping_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt instead of a group that contains nothing else."""
    try:
        yield
    except BaseExceptionGroup as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        raise


def is_interrupt(error: BaseException) -> bool:
    """Whether an error is Ctrl-C, or a group that contains nothing else."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(KeyboardInterrupt)[1] is None
    return isinstance(error, KeyboardInterrupt)


def run_guest(async_fn: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run `async_fn(*args)` under trio as the guest of an asyncio loop; :func:`aio` works in it."""
    import asyncio

    _allow_stopped_children()
    # asyncio.run is not used, since at Ctrl-C it cancels its own main task, which would leave
    # trio's tasks without their clean-up.
    loop = asyncio.new_event_loop()
    try:
        with _unwrapping_interrupts():
            return _complete(loop, loop.create_task(_host_trio(loop, async_fn, args))).unwrap()
    finally:
        _close(loop)


def _complete(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    """Run the loop until the task has ended; if a plugin stops the loop, run it again."""
    while not task.done():
        with suppress(RuntimeError):
            loop.run_until_complete(task)
    return task.result()


async def _host_trio(
    loop: asyncio.AbstractEventLoop, async_fn: Callable[..., Awaitable[T]], args: tuple[Any, ...]
) -> outcome.Outcome[T]:
    async def guest() -> T:
        _host.set(loop)
        return await async_fn(*args)

    _wake_on_signals(loop)
    done: asyncio.Future[outcome.Outcome[T]] = loop.create_future()
    trio.lowlevel.start_guest_run(
        guest,
        done_callback=done.set_result,
        run_sync_soon_threadsafe=loop.call_soon_threadsafe,
        run_sync_soon_not_threadsafe=loop.call_soon,
        # There is only one wake-up descriptor for signals; it is asyncio's, which wakes trio too.
        host_uses_signal_set_wakeup_fd=True,
        restrict_keyboard_interrupt_to_checkpoints=True,
    )
    return await done


def _wake_on_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Make every signal wake the loop.

    asyncio does this only while it has signal handlers of its own, and the prompt adds and removes
    those. Otherwise a signal that arrives just before the loop starts to wait would be handled only
    at the next event. A handler for SIGCONT is added, since that signal is harmless.
    """
    with suppress(ValueError, RuntimeError):  # only the main thread can handle signals
        loop.add_signal_handler(signal.SIGCONT, lambda: None)


def _close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(_cancel_leftovers(loop))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _cancel_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel tasks that asyncio libraries have left running, as asyncio.run does."""
    import asyncio

    leftovers = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in leftovers:
        task.cancel()
    await asyncio.gather(*leftovers, return_exceptions=True)


def has_asyncio() -> bool:
    """Tell whether :func:`aio` works here."""
    try:
        return bool(_host.get())
    except LookupError:
        return False


async def aio(fn: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `fn(*args, **kwargs)`, which is asyncio code, from trio code under :func:`run_guest`.

    Its exceptions are raised here, KeyboardInterrupt included. When trio cancels, the asyncio task
    is cancelled and awaited to its end. A call costs more than half a millisecond, so send messages
    rather than single bytes.
    """
    try:
        loop = _host.get()
    except LookupError:
        raise NoAsyncio(
            "there is no asyncio loop for aio() here",
            hint="Command(…, asyncio=True), or Transport(…, asyncio=True), asks for one",
        ) from None
    # KeyboardInterrupt and SystemExit would leave an asyncio task through the loop, and end the
    # program while trio is still running. So every outcome is returned as a value.
    task = loop.create_task(outcome.acapture(fn, *args, **kwargs))
    return await _ended(task)


async def _ended(task: asyncio.Task[outcome.Outcome[T]]) -> T:
    waiting = trio.lowlevel.current_task()
    raise_cancel: Callable[[], NoReturn] | None = None

    def wake(_task: object) -> None:
        result = _flat(outcome.capture(task.result))
        if raise_cancel is not None and _is_cancelled(result):
            result = outcome.capture(raise_cancel)
        trio.lowlevel.reschedule(waiting, result)

    def abort(raise_cancel_here: Callable[[], NoReturn]) -> Abort:
        nonlocal raise_cancel
        raise_cancel = raise_cancel_here
        task.cancel()
        # Trio waits until the asyncio code has ended, since that may have to clean up.
        return trio.lowlevel.Abort.FAILED

    task.add_done_callback(wake)
    value: T = await trio.lowlevel.wait_task_rescheduled(abort)
    return value


def _flat(result: outcome.Outcome[outcome.Outcome[T]]) -> outcome.Outcome[T]:
    # The outer outcome is an error only if the task was cancelled before its start.
    return result if isinstance(result, outcome.Error) else result.unwrap()


def _is_cancelled(result: outcome.Outcome[Any]) -> bool:
    import asyncio

    return isinstance(result, outcome.Error) and isinstance(result.error, asyncio.CancelledError)
