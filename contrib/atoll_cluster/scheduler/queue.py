"""The queue: sessions start in order of arrival, while enough slots are free.

The order is strict: no session overtakes a session that waits for slots, because a large session
would otherwise wait for ever. A session that waits for a time (`starts_at`), for other sessions
(`dependencies`), for a limit (`budgets`) or for an agent does not delay others.
"""

from contextlib import suppress

from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.scheduler.budgets import Ledger, accounts_of, needed
from atoll_cluster.scheduler.lifecycle import Lifecycle
from atoll_cluster.scheduler.machine import AGENT, Machine
from atoll_cluster.slots import Slots, from_text, recorded
from atoll_cluster.store.records import ENDED, Session
from atoll_cluster.supervision import TaskKind, TaskSupervisor

NO_ROOM = "no-available-instances"
_GIVEN = frozenset({"SCHEDULED", "PREPARING", "RUNNING", "RUNNING_DEGRADED"})
"""The statuses of sessions whose kernels the engine has got and which have not ended."""
_LONGEST_WAIT = 3600.0
"""Seconds after which the queue is checked even if nothing has happened."""


@frozen
class Queue:
    """Assigns slots to waiting sessions; only the store keeps the allocations."""

    machine: Machine
    lifecycle: Lifecycle
    supervisor: TaskSupervisor

    def schedule(self) -> list[Session]:
        """Move the sessions that fit from PENDING to SCHEDULED; returns them."""
        queue_pass = _QueuePass(self)
        for session in self._pending():
            with self.supervisor.isolate_failure(TaskKind.QUEUE, session=session.id):
                if self._is_ready(session):
                    queue_pass.at(session)
        return queue_pass.chosen

    def occupied(self) -> Slots:
        """Return the sum of the slots that all kernels occupy."""
        held = Slots()
        for kernel in self.lifecycle.store.kernels.occupying():
            held += recorded(kernel.occupied_slots)
        return held

    def next_start(self) -> float | None:
        """Return the seconds until the next start time of a waiting session, None without one."""
        waits = [_wait(session) for session in self._pending()]
        return min((wait for wait in waits if wait > 0), default=None)

    def _pending(self) -> list[Session]:
        return self.lifecycle.store.sessions.in_status("PENDING")

    def _is_ready(self, session: Session) -> bool:
        is_due = not self.machine.is_bounded or _wait(session) <= 0
        return is_due and self._dependencies_met(session)

    def _dependencies_met(self, session: Session) -> bool:
        if other := self._failed_dependency(session):
            self.lifecycle.move(session.id, "CANCELLED", f"dependency {other.name} failed")
            return False
        return all(
            one.result == "SUCCESS" or self._is_awaited(one) for one in self._needed(session)
        )

    def _is_awaited(self, other: Session) -> bool:
        """Return whether the engine's own queue waits until the other session has ended."""
        return not self.machine.is_bounded and other.type == "BATCH" and other.status in _GIVEN

    def with_failed_dependency(self) -> list[tuple[Session, str]]:
        """Return sessions in the engine's queue with a failed dependency, and the reason to end."""
        if self.machine.is_bounded:
            return []
        waiting = self.lifecycle.store.sessions.in_status("SCHEDULED")
        failed = ((session, self._failed_dependency(session)) for session in waiting)
        return [(session, f"dependency {one.name} failed") for session, one in failed if one]

    def _failed_dependency(self, session: Session) -> Session | None:
        needed = self._needed(session)
        return next(
            (one for one in needed if one.status in ENDED and one.result != "SUCCESS"), None
        )

    def _needed(self, session: Session) -> list[Session]:
        return [self.lifecycle.store.sessions.get(one) for one in session.dependencies]

    def assign(self, session: Session) -> None:
        """Assign slots to a session, and move it to SCHEDULED."""
        kernels = self.lifecycle.store.kernels
        slots = from_text(dict(session.requested_slots))
        with self.lifecycle.store.db.transaction():
            for kernel in kernels.of(session.id):
                others = kernels.occupying()
                kernels.assign(
                    kernel.id,
                    slots=session.requested_slots,
                    cpus=self.machine.choose(slots.cpu, others),
                    devices=self.machine.choose_gpus(slots, others),
                    address=self.machine.address(others),
                    agent=self.machine.agent,
                )
                # With this status, the slots count when the next kernel is assigned.
                kernels.set_status(kernel.id, "SCHEDULED", None)
            self.lifecycle.move(session.id, "SCHEDULED")


def _wait(session: Session) -> float:
    """Return the seconds until a session may start."""
    if session.starts_at is None:
        return 0
    with suppress(ValueError):
        wait = (clock.parse(session.starts_at) - clock.parse(clock.now())).total_seconds()
        return min(wait, _LONGEST_WAIT)
    return 0  # With an invalid time, the session may start now; otherwise it never would.


class _QueuePass:
    """One pass over the queue: chooses sessions that fit, and explains why others wait."""

    def __init__(self, queue: Queue) -> None:
        store = queue.lifecycle.store
        self.chosen: list[Session] = []
        self._queue = queue
        self._is_full = False
        self._ledger = Ledger.of(store, queue.machine.slot_types)
        self._agent = store.tables.agents.get(AGENT)

    def at(self, session: Session) -> None:
        if why := self._why_not(session):
            self._queue.lifecycle.explain(session.id, why)
            return
        self._queue.assign(session)
        self._ledger.enter(needed(session), accounts_of(session))
        self.chosen.append(session)

    def _why_not(self, session: Session) -> str | None:
        if why := self._lacks_agent(session):
            return f"{NO_ROOM}: {why}"
        if why := self._ledger.lacking(session):
            return why
        if not self._queue.machine.is_bounded:
            return None
        room = self._queue.machine.remaining(self._queue.occupied())
        self._is_full = self._is_full or not needed(session).fits(room)
        return NO_ROOM if self._is_full else None

    def _lacks_agent(self, session: Session) -> str | None:
        here = self._agent
        # If the engine has its own queue, that queue knows the groups.
        is_elsewhere = not self._queue.machine.is_bounded
        if here is None or not (is_elsewhere or here.scaling_group == session.scaling_group):
            return f"scaling group {session.scaling_group} has no agent"
        return None if here.schedulable else f"agent {here.id} is stopped, or accepts no sessions"
