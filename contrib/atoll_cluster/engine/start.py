"""Wait until a launched kernel runs and accepts runs."""

from collections.abc import Callable

import anyio
from anyio import to_thread

from . import log
from .contract import EngineError
from .folder import KernelFolder
from .kernel import LaunchedKernel, until_ended
from .launcher import Launcher
from .states import Ended, Running, State

END_TIMEOUT = 60.0
"""Seconds to wait for the end of a kernel that could not start."""
ANSWER_TIMEOUT = 120.0
"""Seconds in which a kernel on another machine must answer."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between attempts to reach a kernel: the first pause, and the longest."""

OnState = Callable[[State], None]


async def wait_until_ready(
    kernel: LaunchedKernel, folder: KernelFolder, launcher: Launcher, on_state: OnState
) -> LaunchedKernel:
    """Wait until a launched kernel accepts runs; end it if that fails.

    If this is cancelled, a kernel on another machine goes on; a later cluster program finds it.
    """
    kernel_id = kernel.spec.kernel_id
    try:
        await _wait_for_running(kernel, folder, launcher, on_state)
        if launcher.is_here:
            await _answers_here(kernel, folder)
        else:
            await _answers(kernel, folder, launcher)
    except BaseException as error:
        if isinstance(error, Exception) or launcher.is_here:
            with anyio.CancelScope(shield=True), anyio.move_on_after(END_TIMEOUT):
                await launcher.end(kernel_id, grace=0)
                await until_ended(launcher, kernel_id)
        raise
    return kernel


async def _wait_for_running(
    kernel: LaunchedKernel, folder: KernelFolder, launcher: Launcher, on_state: OnState
) -> None:
    """Wait until a kernel runs, and report its states; raises EngineError if it ends before."""
    kernel_id = kernel.spec.kernel_id
    state = await launcher.watch(kernel_id, None)
    while not isinstance(state, Running):
        if isinstance(state, Ended):
            if await _has_begun_task(kernel, folder):
                state = Running()
                break
            if state.reason:
                raise EngineError(f"it was not started: {state.reason}")
            raise _start_error(folder, state)
        on_state(state)
        state = await launcher.watch(kernel_id, state)
    on_state(state)


async def _answers_here(kernel: LaunchedKernel, folder: KernelFolder) -> None:
    """Wait for the first answer of a kernel on this machine; raises EngineError."""
    try:
        await kernel.ready()
    except EngineError as error:
        if await _has_begun_task(kernel, folder):
            return
        await kernel.stop(forced=True)
        raise _start_error(folder, Ended()) from error


async def _answers(kernel: LaunchedKernel, folder: KernelFolder, launcher: Launcher) -> None:
    """Try to connect until the kernel answers; raises EngineError."""
    ended = Ended(f"its program did not answer within {ANSWER_TIMEOUT:.0f} seconds")
    answered = False

    async def try_until_ready() -> None:
        nonlocal answered
        await _reach(kernel)
        answered = True
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(try_until_ready)
        with anyio.move_on_after(ANSWER_TIMEOUT):
            ended = await until_ended(launcher, kernel.spec.kernel_id)
        tasks.cancel_scope.cancel()
    if not answered and not await _has_begun_task(kernel, folder):
        raise _start_error(folder, ended)


async def _has_begun_task(kernel: LaunchedKernel, folder: KernelFolder) -> bool:
    """Return whether a kernel has a task and has begun: then it needs no connection, and its exit
    status tells the result of the task.
    """
    return kernel.spec.task is not None and await to_thread.run_sync(folder.has_begun)


async def _reach(kernel: LaunchedKernel) -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            await kernel.ready()
        except EngineError:
            await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            return


def _start_error(folder: KernelFolder, ended: Ended) -> EngineError:
    """Create the error for a kernel that did not start, with the last line of its log."""
    said = map(log.last_line, (folder.log, folder.run / "supervisor.log"))
    words = ended.reason or next(filter(None, said), "it printed nothing")
    return EngineError(f"the kernel ended while starting: {words}")
