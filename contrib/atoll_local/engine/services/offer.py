"""What is said of a service, to the API and to the kernel program that starts it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import field, frozen

from atoll_local.engine.contract import KernelSpec, Service
from atoll_local.engine.folder import KernelFolder
from atoll_local.engine.place import Place

ARGUMENTS = "{arguments}"
"""The word of a command line in whose place a client's arguments go."""
SOCKET = "{socket}"
"""What stands for the path at which a program must listen."""


@frozen(kw_only=True)
class Offer:
    """A service, and what the kernel program needs to know of it (see `kernel/services.py`).

    `defaults` are options that a client may give other values. `prefixes` are folders of the host
    that its programs need to see. Services that have the same `program` are one server.
    """

    service: Service
    kind: Literal["port", "socket", "connection"]
    program: str = ""
    argv: tuple[str, ...] = ()
    defaults: Mapping[str, str | None] = field(factory=dict)
    environ: Mapping[str, str] = field(factory=dict)
    prefixes: tuple[Path, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return what the kernel program is told."""
        return {
            "kind": self.kind,
            "ports": list(self.service.ports),
            "program": self.program or self.service.name,
            "argv": list(self.argv),
            "defaults": dict(self.defaults),
            "environ": dict(self.environ),
        }


@frozen(kw_only=True)
class Site:
    """The kernel that is to be served: its folder on the host, and where it sees what."""

    spec: KernelSpec
    folder: KernelFolder
    place: Place
    environ: Mapping[str, str]
    is_sandboxed: bool
