"""The cluster as the API uses it: the store, the scheduler, the storage and others."""

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
"""The version in `GET /`: the newest one that clients of 23.09 and of 26.x both support."""


@frozen
class Cluster:
    """All parts of the cluster that requests use."""

    store: Store
    scheduler: Scheduler
    storage: Storage
    release: str
    """The release text that `GET /` returns as `manager`."""
    nodes: Nodes
    """The machines of the engine, if it reports them."""
    processors: Processors = field(factory=Processors)
    """The load of this machine's processors."""
    stopping: anyio.Event = field(factory=anyio.Event)
    """Set when the program is about to end; requests that wait for something then end."""

    @property
    def engine(self) -> Engine:
        """The engine, which runs the kernels."""
        return self.scheduler.engine

    @property
    def images(self) -> Images:
        """The images of sessions."""
        return self.scheduler.images

    @property
    def supervisor(self) -> TaskSupervisor:
        """The supervisor, which runs tasks that continue after a request has ended."""
        return self.scheduler.supervisor

    @property
    def bus(self) -> Bus:
        """The bus, which passes on the events of sessions."""
        return self.scheduler.bus

    @property
    def machine(self) -> Machine:
        """The machine that runs the sessions."""
        return self.scheduler.machine

    @property
    def slot_types(self) -> dict[str, str]:
        """The names of the slots and their types: `bytes` or `count`."""
        of_nodes = {slot: "count" for node in self.nodes.known for slot in node.slots}
        return of_nodes | self.machine.slot_types
