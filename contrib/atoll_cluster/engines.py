"""The names that the launcher of another engine needs; a launcher decides where kernels run.

See `docs/engines.md`. A plugin offers its launcher with the hook `atoll_engines` of the plugin
`local`. A launcher must pass the tests of `atoll_cluster.testing`.
"""

from atoll_cluster.engine.arrivals import Arrival, receive_arrivals
from atoll_cluster.engine.contract import EngineError, Image, KernelGone
from atoll_cluster.engine.folder import has_written_end
from atoll_cluster.engine.images import runtimes
from atoll_cluster.engine.launcher import (
    AccountLauncher,
    AskingLauncher,
    GroupedLauncher,
    Job,
    Launcher,
    Node,
    NodeLauncher,
    OpenLauncher,
    SandboxingLauncher,
    Site,
    listening,
    relay_command,
)
from atoll_cluster.engine.log import kept_log
from atoll_cluster.engine.node_sandbox import sandbox_programs
from atoll_cluster.engine.remote import (
    allow_connections,
    connect_over_tcp,
    connect_through,
    has_begun,
)
from atoll_cluster.engine.state_board import StateBoard
from atoll_cluster.engine.states import Ended, Running, State, Terms, Unknown, Waiting

__all__ = [
    "AccountLauncher",
    "Arrival",
    "AskingLauncher",
    "Ended",
    "EngineError",
    "GroupedLauncher",
    "Image",
    "Job",
    "KernelGone",
    "Launcher",
    "Node",
    "NodeLauncher",
    "OpenLauncher",
    "Running",
    "SandboxingLauncher",
    "Site",
    "State",
    "StateBoard",
    "Terms",
    "Unknown",
    "Waiting",
    "allow_connections",
    "connect_over_tcp",
    "connect_through",
    "has_begun",
    "has_written_end",
    "kept_log",
    "listening",
    "receive_arrivals",
    "relay_command",
    "runtimes",
    "sandbox_programs",
]
