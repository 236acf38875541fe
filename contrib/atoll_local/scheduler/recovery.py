"""After a start: find what an earlier program left, and write down what became of the rest."""

import logging
from typing import TYPE_CHECKING

from atoll_local.engine.contract import EngineError, ExitStatus, Kernel
from atoll_local.store.records import DEAD, KernelRow, Session

if TYPE_CHECKING:
    from atoll_local.scheduler.scheduler import Scheduler

_log = logging.getLogger(__name__)


async def recover(scheduler: "Scheduler") -> None:
    """Bring every unfinished session of the store in line with what the engine finds."""
    for session in scheduler.store.sessions.unfinished():
        if session.status == "SCHEDULED":
            # Nothing was started yet: the status is always written before that.
            scheduler.lifecycle.move(session.id, "PENDING", "cluster restarted")
        elif session.status != "PENDING":
            await _recover_session(scheduler, session)

    for session in scheduler.store.sessions.in_status("ERROR"):
        scheduler.stop_kernels(session.id, forced=True)


async def _recover_session(scheduler: "Scheduler", session: Session) -> None:
    kernels = scheduler.store.kernels.of(session.id)
    for row in (kernel for kernel in kernels if kernel.status in DEAD):
        await scheduler.settle(session.id, row)
    if session.status == "RESTARTING":
        scheduler.go_on_restarting(session)
        return
    rows = [kernel for kernel in kernels if kernel.status not in DEAD]
    found = {row.id: await _adopt(scheduler, session, row) for row in rows}
    if session.status == "PREPARING" and not all(found.values()):
        await _requeue(scheduler, session, rows, found)
        return
    for row in rows:
        await _take_over(scheduler, session, row, found[row.id])
    _resume(scheduler, scheduler.store.sessions.get(session.id))


async def _adopt(
    scheduler: "Scheduler", session: Session, row: KernelRow
) -> Kernel | ExitStatus | None:
    """Return None when the kernel was never started."""
    try:
        found = await scheduler.engine.adopt(scheduler.specs.of(session, row))
    except EngineError as error:
        _log.info("kernel %s is not there: %s", row.id, error)
        return None
    if isinstance(found, ExitStatus) and found.reason == "failed-to-start":
        return None
    return found


async def _requeue(
    scheduler: "Scheduler",
    session: Session,
    rows: list[KernelRow],
    found: dict[str, Kernel | ExitStatus | None],
) -> None:
    """Undo a half-done start, so that the session can be started anew."""
    for row in rows:
        kernel = found[row.id]
        if kernel is not None and not isinstance(kernel, ExitStatus):
            await kernel.stop(forced=True)
        await scheduler.engine.remove(row.id)
    scheduler.lifecycle.move(session.id, "PENDING", "cluster restarted")


async def _take_over(
    scheduler: "Scheduler", session: Session, row: KernelRow, found: Kernel | ExitStatus | None
) -> None:
    if found is None:
        await scheduler.bury(session.id, row, ExitStatus(1, "terminated-unknown-container"))
    elif isinstance(found, ExitStatus):
        await scheduler.bury(session.id, row, found)
    else:
        scheduler.attach(session, row, found)


def _resume(scheduler: "Scheduler", session: Session) -> None:
    """Go on where the earlier program stopped."""
    if session.status == "PREPARING":
        scheduler.lifecycle.move(session.id, "RUNNING")
    elif session.status == "TERMINATING":
        scheduler.terminate(session.id, session.status_info or "user-requested")
    if session.status in {"PREPARING", "RUNNING", "RUNNING_DEGRADED"}:
        scheduler.follow_batch(session)
