"""What the kernels of a session wait for, where kernels queue by themselves."""

from collections.abc import Iterable

from atoll_cluster.engine.states import Running, State, why_waiting


class Turns:
    """The reasons of those kernels of a session whose turn has not come, by kernel id."""

    def __init__(self, kernel_ids: Iterable[str]) -> None:
        self._reasons: dict[str, str] = dict.fromkeys(kernel_ids, "")

    def heed(self, kernel_id: str, state: State) -> None:
        """Note the state of a kernel."""
        if isinstance(state, Running):
            self._reasons.pop(kernel_id, None)
        else:
            self._reasons[kernel_id] = why_waiting(state)

    @property
    def have_come(self) -> bool:
        """Whether none waits any more."""
        return not self._reasons

    @property
    def reason(self) -> str:
        """What the first of them waits for, nothing where that is not known."""
        return next(filter(None, self._reasons.values()), "")
