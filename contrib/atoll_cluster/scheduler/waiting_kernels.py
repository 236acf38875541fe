"""Records why the kernels of a session wait in the engine's queue."""

from collections.abc import Iterable

from atoll_cluster.engine.states import Running, State, why_waiting


class WaitingKernels:
    """The waiting kernels of a session, with the reason why each waits."""

    def __init__(self, kernel_ids: Iterable[str]) -> None:
        self._reasons: dict[str, str] = dict.fromkeys(kernel_ids, "")

    def update(self, kernel_id: str, state: State) -> None:
        """Record the state of a kernel."""
        if isinstance(state, Running):
            self._reasons.pop(kernel_id, None)
        else:
            self._reasons[kernel_id] = why_waiting(state)

    @property
    def is_empty(self) -> bool:
        """Whether no kernel waits any more."""
        return not self._reasons

    @property
    def reason(self) -> str:
        """The reason of the first waiting kernel, empty if unknown."""
        return next(filter(None, self._reasons.values()), "")
