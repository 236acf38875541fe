"""Batch sessions: the kernel runs the startup command by itself; this records the result."""

from atoll_cluster.engine.contract import EngineError, Finished, Kernel
from atoll_cluster.scheduler.interface import SchedulerInterface
from atoll_cluster.store.records import DEAD, Session


async def follow_startup_command(scheduler: SchedulerInterface, session_id: str) -> None:
    """Follow the command to its end, and record its result; the session ends with its kernel.

    If the command can't be followed, the exit status of the kernel gives the result, maybe later.
    """
    session = scheduler.store.sessions.get(session_id)
    kernel = scheduler.main_kernel(session)
    if kernel is None or session.status in DEAD:
        return
    exit_code = await _exit_code(session, kernel)
    now = scheduler.store.sessions.get(session_id)
    if exit_code is None or now.status == "RESTARTING":
        return  # The kernel has ended; the task that watches it ends the session with the reason.
    if now.result == "UNDEFINED":
        scheduler.lifecycle.finish_batch(session_id, exit_code)
    await kernel.leave()


async def _exit_code(session: Session, kernel: Kernel) -> int | None:
    try:
        run = await kernel.follow(session.id)
        async for event in run.events():
            if isinstance(event, Finished):
                return event.exit_code
    except EngineError:
        return None
    return None
