"""Who is next: sessions in order of arrival, as far as the machine has room.

The order is strict: behind a session that waits for room nobody overtakes it, or a large session
would wait for ever. Sessions that wait for a moment (`starts_at`), for others (`dependencies`), for
others on the same account to end (`budgets`) or for an agent let others by.
"""

from collections.abc import Iterator

from attrs import frozen

from atoll_local import clock
from atoll_local.scheduler.budgets import Ledger, accounts_of, needed
from atoll_local.scheduler.lifecycle import Lifecycle
from atoll_local.scheduler.machine import AGENT, Machine
from atoll_local.scheduler.slots import Slots, from_text
from atoll_local.store.records import ENDED, Session

NO_ROOM = "no-available-instances"


@frozen
class Queue:
    """Gives slots to waiting sessions; what is occupied is kept in the store alone."""

    machine: Machine
    lifecycle: Lifecycle

    def schedule(self) -> list[Session]:
        """Move what fits from PENDING to SCHEDULED and return it."""
        chosen: list[Session] = []
        is_full = False
        store = self.lifecycle.store
        ledger, here = Ledger.of(store, self.machine.slot_types), store.tables.agents.get(AGENT)
        for session in self._ready():
            is_served = here and here.schedulable and here.scaling_group == session.scaling_group
            if why := ledger.lacking(session) if is_served else NO_ROOM:
                self.lifecycle.explain(session.id, why)
                continue
            is_full = is_full or not needed(session).fits(self.machine.remaining(self.occupied()))
            if is_full:
                self.lifecycle.explain(session.id, NO_ROOM)
            else:
                self._assign(session)
                ledger.enter(needed(session), accounts_of(session))
                chosen.append(session)
        return chosen

    def occupied(self) -> Slots:
        """Return what the kernels hold now."""
        held = Slots()
        for kernel in self.lifecycle.store.kernels.occupying():
            held += from_text(dict(kernel.occupied_slots))
        return held

    def next_start(self) -> float | None:
        """Return the seconds until the next session with a start time is due."""
        now = clock.now()
        coming = [s.starts_at for s in self._pending() if s.starts_at and s.starts_at > now]
        if not coming:
            return None
        delta = clock.parse(min(coming)) - clock.parse(now)
        return delta.total_seconds()

    def _pending(self) -> list[Session]:
        return self.lifecycle.store.sessions.in_status("PENDING")

    def _ready(self) -> Iterator[Session]:
        for session in self._pending():
            due = session.starts_at is None or session.starts_at <= clock.now()
            if due and self._dependencies_met(session):
                yield session

    def _dependencies_met(self, session: Session) -> bool:
        for dependency in session.dependencies:
            other = self.lifecycle.store.sessions.get(dependency)
            if other.result == "SUCCESS":
                continue
            if other.status in ENDED:
                self.lifecycle.move(session.id, "CANCELLED", f"dependency {other.name} failed")
            return False
        return True

    def _assign(self, session: Session) -> None:
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
                )
                # The status makes the slots count before the next kernel of the session is served.
                kernels.set_status(kernel.id, "SCHEDULED", None)
            self.lifecycle.move(session.id, "SCHEDULED")
