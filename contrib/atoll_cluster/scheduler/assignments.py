"""Where kernels run: their agents, their ids in the engine, and their time limits."""

from contextlib import suppress

from attrs import field, frozen

from atoll_cluster import clock
from atoll_cluster.engine.states import Running, State, Waiting
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.store.errors import StoreUnavailable
from atoll_cluster.store.kernels import Kernels

Assignment = tuple[str | None, str | None, str | None]
_LONGEST = 200


@frozen
class Assignments:
    """Records where kernels run, as their states report it."""

    kernels: Kernels
    machine: Machine
    _written: dict[str, Assignment] = field(factory=dict)

    def update(self, kernel_id: str, state: State) -> None:
        """Store what a state says; the same content is stored only once."""
        assignment = self._read(state)
        if assignment is None or self._written.get(kernel_id) == assignment:
            return
        with suppress(StoreUnavailable):  # The next state will be stored.
            self.kernels.set_assignment(kernel_id, *assignment)
            self._written[kernel_id] = assignment

    def forget(self, kernel_id: str) -> None:
        """Forget a kernel that has ended."""
        self._written.pop(kernel_id, None)

    def _read(self, state: State) -> Assignment | None:
        if isinstance(state, Waiting) and state.engine_id:
            return None, _word(state.engine_id), None
        if not isinstance(state, Running):
            return None
        agent = self.machine.agent or _word(state.node)
        ends_at = clock.stamp(state.ends_at) if state.ends_at else ""
        return agent, _word(state.engine_id), ends_at


def _word(text: str) -> str | None:
    """Return a name that a launcher reported, at most 200 characters; None if it is empty."""
    return text[:_LONGEST] or None
