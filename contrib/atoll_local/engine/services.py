"""The services of kernels: what can be connected to, and how each is started."""

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .contract import KernelSpec, Service


@frozen(kw_only=True)
class Offer:
    """A service, and what the kernel program needs to know of it (see `kernel/services.py`)."""

    service: Service
    kind: str
    program: str = ""
    """Services of the same program are the same server."""
    argv: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(factory=dict)

    def settings(self) -> dict[str, Any]:
        """Return what the kernel program is told."""
        return {
            "kind": self.kind,
            "ports": list(self.service.ports),
            "program": self.program or self.service.name,
            "argv": list(self.argv),
            "environ": dict(self.environ),
        }


def offers(spec: KernelSpec) -> list[Offer]:
    """Return what a kernel serves."""
    return [_preopened(port) for port in spec.preopen_ports]


def _preopened(port: int) -> Offer:
    return Offer(service=Service(name=str(port), protocol="preopen", ports=(port,)), kind="port")
