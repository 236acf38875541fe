"""The states of many kernels, for launchers that query all of them at once."""

from collections.abc import Mapping

import anyio
from attrs import define, field

from .states import Ended, State


@define
class StateBoard:
    """Stores the last known state of each kernel, and wakes the tasks that wait for a change.

    A launcher that asks its scheduler for all jobs at a time stores the states with `put`, and
    implements `Launcher.watch` by `watch`.
    """

    _states: dict[str, State] = field(factory=dict, init=False)
    _change: anyio.Event = field(factory=anyio.Event, init=False)

    def __getitem__(self, kernel_id: str) -> State:
        """Return the state of a kernel; an unknown kernel has ended."""
        return self._states.get(kernel_id, Ended())

    def put(self, states: Mapping[str, State]) -> None:
        """Store new states; the states of other kernels do not change."""
        self._states |= states
        self._change.set()
        self._change = anyio.Event()

    def forget(self, kernel_id: str) -> None:
        """Drop an ended kernel."""
        self._states.pop(kernel_id, None)

    def unended(self) -> list[str]:
        """Return the kernels that have not ended."""
        return [one for one, state in self._states.items() if not isinstance(state, Ended)]

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Wait until the state of a kernel differs from `known`, and return the state."""
        while (state := self[kernel_id]) == known:
            await self._change.wait()
        return state
