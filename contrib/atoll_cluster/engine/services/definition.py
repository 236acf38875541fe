"""The definition of a service, for the API and for the kernel program."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from atoll_cluster.engine.contract import KernelSpec, Service
from atoll_cluster.engine.environment import KernelPaths
from atoll_cluster.engine.folder import KernelFolder

ARGUMENTS = "{arguments}"
"""The word of a command line that is replaced by the client's arguments."""
SOCKET = "{socket}"
"""The text that is replaced by the path of the unix socket at which a program must listen."""
PRIVATE = "{private}"
"""The value of a variable that is replaced by the path of a folder for this program alone.

The path is short enough for unix sockets. The kernel removes the folder when the kernel ends.
"""


@frozen(kw_only=True)
class ServiceDefinition:
    """A service, and how the kernel program starts it (see `kernel/services.py`).

    `defaults` are options with their default values, which a client may change. `prefixes` are
    folders of the host that the service's programs must see. Services with the same `program` use
    one server together.
    """

    service: Service
    kind: Literal["port", "socket", "connection"]
    program: str = ""
    argv: tuple[str, ...] = ()
    defaults: Mapping[str, str | None] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)
    prefixes: tuple[Path, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return the settings for the kernel program."""
        return {
            "kind": self.kind,
            "ports": list(self.service.ports),
            "program": self.program or self.service.name,
            "argv": list(self.argv),
            "defaults": dict(self.defaults),
            "environ": dict(self.environ),
        }


@frozen(kw_only=True)
class KernelSite:
    """The kernel for which services are defined: its specification, folder and paths."""

    spec: KernelSpec
    folder: KernelFolder
    paths: KernelPaths
    environ: Mapping[str, str]
    is_sandboxed: bool
