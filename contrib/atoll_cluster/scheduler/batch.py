"""Batch sessions: run the startup command once, record the result, end the session."""

from atoll_cluster.engine.contract import EngineError, Finished, Kernel, KernelGone, Run
from atoll_cluster.scheduler.interface import SchedulerInterface
from atoll_cluster.store.records import DEAD, Session


async def run_startup_command(scheduler: SchedulerInterface, session_id: str) -> None:
    """Run the command; then the session ends with `task-done` or `task-failed`."""
    session = scheduler.store.sessions.get(session_id)
    kernel = scheduler.main_kernel(session)
    if kernel is None or session.status in DEAD:
        return
    exit_code = await _run(session, kernel)
    now = scheduler.store.sessions.get(session_id)
    if exit_code is None or now.status == "RESTARTING":
        return  # The kernel went away; whoever watches it ends the session and knows why.
    if now.result == "UNDEFINED":
        scheduler.lifecycle.finish_batch(session_id, exit_code)
    scheduler.terminate(session_id, "task-done" if exit_code == 0 else "task-failed")


async def _run(session: Session, kernel: Kernel) -> int | None:
    try:
        run = await _start_or_find(session, kernel)
        async for event in run.events():
            if isinstance(event, Finished):
                return event.exit_code
    except KernelGone:
        return None
    return None


async def _start_or_find(session: Session, kernel: Kernel) -> Run:
    """Start the run under the session's id, or find it if it was started before a restart."""
    try:
        return await kernel.follow(session.id)
    except EngineError:
        return await kernel.execute(
            "batch", "", {"exec": session.startup_command}, run_id=session.id
        )
