"""What the scheduler is to the parts that it is made of."""

from collections.abc import Mapping
from typing import Protocol

from atoll_cluster.engine.contract import Kernel
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.lifecycle import Lifecycle
from atoll_cluster.store.records import Session
from atoll_cluster.store.store import Store
from atoll_cluster.supervision import TaskSupervisor


class Keeper(Protocol):
    """Knows the sessions and the kernels that run, and ends them."""

    @property
    def store(self) -> Store:
        """Where all of them are written down."""

    @property
    def bus(self) -> Bus:
        """Tells of changes."""

    @property
    def supervisor(self) -> TaskSupervisor:
        """Runs tasks, and contains what fails in them."""

    @property
    def lifecycle(self) -> Lifecycle:
        """Moves sessions from status to status."""

    @property
    def running(self) -> Mapping[str, Kernel]:
        """Kernels by kernel id, from their start until they are buried."""

    def main_kernel(self, session: Session) -> Kernel | None:
        """Return the main kernel of a session while it runs."""

    def terminate(self, session_id: str, reason: str, *, forced: bool = False) -> None:
        """Begin to end a session; its status tells when it has ended."""
