"""Where kernels run: their agents, their ids in the engine, and their time limits."""

from contextlib import suppress

from attrs import field, frozen

from atoll_cluster import clock
from atoll_cluster.engine.states import Running, State, Waiting
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.store.errors import StoreUnavailable
from atoll_cluster.store.kernels import Kernels

Place = tuple[str | None, str | None, str | None]
_LONGEST = 200


@frozen
class Places:
    """Writes down what the states of kernels tell of their places."""

    kernels: Kernels
    machine: Machine
    _written: dict[str, Place] = field(factory=dict)

    def update(self, kernel_id: str, state: State) -> None:
        """Write what a state tells; what it tells again is written only once."""
        place = self._place(state)
        if place is None or self._written.get(kernel_id) == place:
            return
        with suppress(StoreUnavailable):  # What is told next will be written.
            self.kernels.place(kernel_id, *place)
            self._written[kernel_id] = place

    def forget(self, kernel_id: str) -> None:
        """Let go of an ended kernel."""
        self._written.pop(kernel_id, None)

    def _place(self, state: State) -> Place | None:
        if isinstance(state, Waiting) and state.engine_id:
            return None, _word(state.engine_id), None
        if not isinstance(state, Running):
            return None
        agent = self.machine.agent or _word(state.node)
        ends_at = clock.stamp(state.ends_at) if state.ends_at else ""
        return agent, _word(state.engine_id), ends_at


def _word(text: str) -> str | None:
    """Return what a launcher calls something, at a length that can be shown."""
    return text[:_LONGEST] or None
