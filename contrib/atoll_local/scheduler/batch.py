"""Batch sessions: run the startup command once, write down how it went, end the session."""

from typing import TYPE_CHECKING

from atoll_local.engine.contract import EngineError, Finished, Kernel, Run
from atoll_local.store.records import Session

if TYPE_CHECKING:
    from atoll_local.scheduler.scheduler import Scheduler


async def run_startup_command(scheduler: "Scheduler", session: Session, kernel: Kernel) -> None:
    """Run the command to its end; the session then ends with `task-done` or `task-failed`."""
    exit_code = await _run(session, kernel)
    now = scheduler.store.sessions.get(session.id)
    if exit_code is None or now.status == "RESTARTING":
        return  # The kernel went away; whoever watches it ends the session and knows why.
    if now.result == "UNDEFINED":
        scheduler.lifecycle.finish_batch(session.id, exit_code)
    scheduler.terminate(session.id, "task-done" if exit_code == 0 else "task-failed")


async def _run(session: Session, kernel: Kernel) -> int | None:
    try:
        run = await _start_or_find(session, kernel)
        async for event in run.events():
            if isinstance(event, Finished):
                return event.exit_code
    except EngineError:
        return None
    return None


async def _start_or_find(session: Session, kernel: Kernel) -> Run:
    """Start the run under the session's id, or find it if an earlier program started it."""
    try:
        return await kernel.follow(session.id)
    except EngineError:
        return await kernel.execute(
            "batch", "", {"exec": session.startup_command}, run_id=session.id
        )
