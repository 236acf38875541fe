"""Watch the folders of new kernels, which show sooner than Slurm that a kernel has begun.

Slurm must not be asked often, but folders can be read often. A kernel also reports its start by
itself; its folder is for sites whose nodes cannot connect to the login node.
"""

import time
from collections.abc import Sequence

import anyio
from attrs import define, field

from atoll_cluster.engines import Arrival, Site, has_begun

GLANCE = 0.1
"""Seconds between two checks of the folders."""
_LONGEST = 60.0
"""Seconds after its submission in which a kernel's folder is checked."""
_MOST = 100
"""Most folders to check at a time, because the file system may be slow."""


@define
class Beginnings:
    """The kernels that were submitted recently and have not begun yet."""

    site: Site
    _since: dict[str, float] = field(factory=dict, init=False)
    _arrivals: dict[str, tuple[Arrival, float]] = field(factory=dict, init=False)
    """The reports of kernels, and when they came, by kernel."""

    def submitted(self, kernel_id: str) -> None:
        """Check a kernel's folder from now on, unless it has begun already."""
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
        """Wait for an event or until a kernel has begun, at most `longest` seconds."""
        with anyio.move_on_after(longest):
            while self._young():
                with anyio.move_on_after(GLANCE):
                    await event.wait()
                if event.is_set() or await self._some():
                    return
            await event.wait()

    async def _some(self) -> bool:
        """Return whether any kernels have begun; stop checking the folders of these."""
        begun = await anyio.to_thread.run_sync(self._begun, self._young())
        for kernel_id in begun:
            self._since.pop(kernel_id, None)
        return bool(begun)

    def _begun(self, kernel_ids: Sequence[str]) -> list[str]:
        return [one for one in kernel_ids if has_begun(self.site.folder(one))]

    def _young(self) -> list[str]:
        oldest = time.monotonic() - _LONGEST
        self._since = {one: at for one, at in self._since.items() if at > oldest}
        return list(self._since)[:_MOST]
