"""Recovery when the program starts: find running kernels, and record the end of the others.

Each session has its own recovery task, so that an error affects only this session.
"""

import logging
from functools import partial

import anyio

from atoll_cluster.engine.contract import EngineError, ExitStatus, Kernel
from atoll_cluster.put_aside import Item
from atoll_cluster.scheduler.lifecycle import FOLLOWERS
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.scheduler.scheduler import Scheduler
from atoll_cluster.store.records import DEAD, ENDED, KernelRow, Session
from atoll_cluster.supervision import TaskKind

_log = logging.getLogger(__name__)

_TIMEOUT = 5.0
"""Seconds that the start waits for recovery tasks; slower ones continue in the background."""


async def recover(scheduler: Scheduler) -> None:
    """Update every unfinished session to the state that the engine reports."""
    living = scheduler.store.sessions.living_ids()
    for entry in scheduler.supervisor.put_aside.entries:
        if entry.item.what == "session" and entry.item.name not in living:
            scheduler.supervisor.put_aside.remove(entry.item)
    found = [
        scheduler.supervisor.start(
            TaskKind.RECOVERY,
            partial(recover_session, scheduler, session_id),
            session=session_id,
            item=Item("session", session_id),
        )
        for session_id in living
    ]
    with anyio.move_on_after(_TIMEOUT):
        for one in found:
            await one.wait()


async def recover_session(scheduler: Scheduler, session_id: str) -> None:
    """Update a session to the state that the engine reports; this can be repeated."""
    session = scheduler.store.sessions.get(session_id)
    if _may_be_starting(session, scheduler.machine):
        scheduler.resume_launch(session.id)
    elif session.status == "SCHEDULED":
        # Nothing was started yet, because the status is always written before a start.
        scheduler.lifecycle.move(session.id, "PENDING", "cluster restarted")
    elif session.status == "ERROR":
        scheduler.stop_kernels(session.id, forced=True)
    elif session.status not in FOLLOWERS:
        raise EngineError(f"its record is damaged: its status is {session.status!r}")
    elif session.status not in DEAD | {"PENDING"}:
        await _recover_running(scheduler, session)


def _may_be_starting(session: Session, machine: Machine) -> bool:
    """Return whether the kernels of a session may be starting, or waiting in the engine's queue."""
    if session.status == "SCHEDULED":
        return not machine.is_bounded
    return session.status == "PREPARING" and not machine.is_here


async def _recover_running(scheduler: Scheduler, session: Session) -> None:
    kernels = scheduler.store.kernels.of(session.id)
    for row in (kernel for kernel in kernels if kernel.status in DEAD):
        await scheduler.clean_up(row)
    if session.status == "RESTARTING":
        scheduler.resume_launch(session.id)
        return
    rows = [kernel for kernel in kernels if kernel.status not in DEAD]
    found = {row.id: await _adopt(scheduler, session, row) for row in rows}
    if session.status == "PREPARING" and not all(found.values()):
        await _requeue(scheduler, session, rows, found)
        return
    for row in rows:
        await _take_over(scheduler, row, found[row.id])
    _resume(scheduler, scheduler.store.sessions.get(session.id))


async def _adopt(
    scheduler: Scheduler, session: Session, row: KernelRow
) -> Kernel | ExitStatus | None:
    """Find a kernel or its exit status; return None if the kernel was never started."""
    if kernel := scheduler.running.get(row.id):
        return kernel
    try:
        found = await scheduler.engine.adopt(scheduler.specs.of(session, row))
    except EngineError as error:
        _log.info("kernel %s was not found: %s", row.id, error)
        return None
    if isinstance(found, ExitStatus) and found.reason == "failed-to-start":
        return None
    return found


async def _requeue(
    scheduler: Scheduler,
    session: Session,
    rows: list[KernelRow],
    found: dict[str, Kernel | ExitStatus | None],
) -> None:
    """Undo an incomplete start, so that the session can start again."""
    for row in rows:
        kernel = found[row.id]
        if kernel is not None and not isinstance(kernel, ExitStatus):
            await kernel.stop(forced=True)
        await scheduler.engine.remove(row.id)
    scheduler.lifecycle.move(session.id, "PENDING", "cluster restarted")
    scheduler.wake()


async def _take_over(
    scheduler: Scheduler, row: KernelRow, found: Kernel | ExitStatus | None
) -> None:
    if found is None:
        await scheduler.record_end(row, ExitStatus(1, "terminated-unknown-container"))
    elif isinstance(found, ExitStatus):
        await scheduler.record_end(row, found)
    else:
        scheduler.attach(row, found)


def _resume(scheduler: Scheduler, session: Session) -> None:
    """Continue the work on a session where the earlier program stopped."""
    if session.status in ENDED:
        return
    if session.status == "PREPARING":
        scheduler.lifecycle.move(session.id, "RUNNING")
    elif session.status == "TERMINATING":
        scheduler.terminate(session.id, session.status_info or "user-requested")
    if session.status in {"PREPARING", "RUNNING", "RUNNING_DEGRADED"}:
        scheduler.follow_batch(session)
