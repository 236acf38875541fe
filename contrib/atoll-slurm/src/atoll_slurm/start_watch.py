"""Watch the folders of new kernels, which show sooner than Slurm that a kernel has started.

Slurm must not be asked often, but folders can be read often. A kernel also reports its start by
itself; its folder is for sites whose nodes cannot connect to the login node.
"""

import time
from collections.abc import Sequence

import anyio
from attrs import define, field

from atoll_cluster.engines import Arrival, Site, has_begun

CHECK_INTERVAL = 0.1
"""Seconds between two checks of the folders."""
_LONGEST_WATCH = 60.0
"""Seconds after its submission in which a kernel's folder is checked."""
_MOST_FOLDERS = 100
"""Most folders to check at a time, because the file system may be slow."""


@define
class StartWatch:
    """The kernels that were submitted recently and have not started yet."""

    site: Site
    _since: dict[str, float] = field(factory=dict, init=False)
    _arrivals: dict[str, tuple[Arrival, float]] = field(factory=dict, init=False)
    """The reports of kernels, and when they came, by kernel."""

    def submitted(self, kernel_id: str) -> None:
        """Check a kernel's folder from now on, unless it has started already."""
        if kernel_id not in self._arrivals:
            self._since[kernel_id] = time.monotonic()

    def arrived(self, arrival: Arrival) -> None:
        """Store the report of a kernel, and stop checking its folder."""
        self._since.pop(arrival.kernel_id, None)
        self._arrivals[arrival.kernel_id] = arrival, time.monotonic()

    def forget(self, kernel_id: str) -> None:
        """Drop the report of a kernel, because it is started again."""
        self._arrivals.pop(kernel_id, None)

    def arrival(self, kernel_id: str, since: float = 0.0) -> Arrival | None:
        """Return the report of a kernel if it came after a time, None if there is none."""
        arrival, at = self._arrivals.get(kernel_id, (None, 0.0))
        return arrival if at > since else None

    async def wait(self, event: anyio.Event, longest: float) -> None:
        """Wait for an event or until a kernel has started, at most `longest` seconds."""
        with anyio.move_on_after(longest):
            while self._watched():
                with anyio.move_on_after(CHECK_INTERVAL):
                    await event.wait()
                if event.is_set() or await self._any_started():
                    return
            await event.wait()

    async def _any_started(self) -> bool:
        """Return whether any kernels have started; stop checking the folders of these."""
        started = await anyio.to_thread.run_sync(self._started, self._watched())
        for kernel_id in started:
            self._since.pop(kernel_id, None)
        return bool(started)

    def _started(self, kernel_ids: Sequence[str]) -> list[str]:
        return [one for one in kernel_ids if has_begun(self.site.folder(one))]

    def _watched(self) -> list[str]:
        oldest = time.monotonic() - _LONGEST_WATCH
        self._since = {one: at for one, at in self._since.items() if at > oldest}
        return list(self._since)[:_MOST_FOLDERS]
