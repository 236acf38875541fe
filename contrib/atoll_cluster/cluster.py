"""The cluster as the API sees it: store, scheduler, events and names."""

import anyio
from attrs import field, frozen

from atoll_cluster.engine.contract import Engine
from atoll_cluster.images import Images
from atoll_cluster.node import Processors
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.scheduler.nodes import Nodes
from atoll_cluster.scheduler.scheduler import Scheduler
from atoll_cluster.storage import Storage
from atoll_cluster.store.store import Store
from atoll_cluster.supervision import TaskSupervisor

API_VERSION = "v7.20230615"
"""What `GET /` announces: the newest version that clients of 23.09 and of 26.x both speak."""


@frozen
class Cluster:
    """Everything that requests need."""

    store: Store
    scheduler: Scheduler
    storage: Storage
    release: str
    """The release text that `GET /` gives as `manager`."""
    nodes: Nodes
    """The machines of the engine, where it tells them."""
    processors: Processors = field(factory=Processors)
    """How busy the processors of this machine are."""
    stopping: anyio.Event = field(factory=anyio.Event)
    """Set when the program is about to end; whoever waits for something gives up then."""

    @property
    def engine(self) -> Engine:
        """Runs the kernels."""
        return self.scheduler.engine

    @property
    def images(self) -> Images:
        """The images of sessions."""
        return self.scheduler.images

    @property
    def supervisor(self) -> TaskSupervisor:
        """Starts tasks that outlive a request."""
        return self.scheduler.supervisor

    @property
    def bus(self) -> Bus:
        """The events of the scheduler."""
        return self.scheduler.bus

    @property
    def machine(self) -> Machine:
        """The machine that runs the sessions."""
        return self.scheduler.machine

    @property
    def slot_types(self) -> dict[str, str]:
        """The slots that there are, and their types: `bytes` or `count`."""
        of_nodes = {slot: "count" for node in self.nodes.known for slot in node.slots}
        return of_nodes | self.machine.slot_types
