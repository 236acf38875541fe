"""The methods and attributes of the scheduler that its parts may use."""

from collections.abc import Mapping
from typing import Protocol

from atoll_cluster.engine.contract import Kernel
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.lifecycle import Lifecycle
from atoll_cluster.store.records import Session
from atoll_cluster.store.store import Store
from atoll_cluster.supervision import TaskSupervisor


class SchedulerInterface(Protocol):
    """Knows the sessions and the running kernels, and ends them."""

    @property
    def store(self) -> Store:
        """The store of sessions and kernels."""

    @property
    def bus(self) -> Bus:
        """Publishes changes."""

    @property
    def supervisor(self) -> TaskSupervisor:
        """Runs background tasks, and limits the effect of their failures."""

    @property
    def lifecycle(self) -> Lifecycle:
        """Moves sessions from status to status."""

    @property
    def running(self) -> Mapping[str, Kernel]:
        """The kernels by id, from their start until their end is recorded."""

    def main_kernel(self, session: Session) -> Kernel | None:
        """Return the main kernel of a session while it runs."""

    def terminate(self, session_id: str, reason: str, *, forced: bool = False) -> None:
        """Start to end a session; its status shows when it has ended."""
