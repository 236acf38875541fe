"""All services of one kernel."""

import json
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from atoll_cluster.engine.contract import Service

from . import jupyter, ssh, ttyd
from .definition import KernelSite, ServiceDefinition
from .installed import Installed
from .own_python import outermost

FILE = "services.json"
"""The file of a kernel's services, for cluster programs that find the kernel later."""


@frozen
class KernelServices:
    """The services of a kernel."""

    definitions: tuple[ServiceDefinition, ...]

    @property
    def prefixes(self) -> tuple[Path, ...]:
        """The host's folders that the kernel must see to start its services."""
        return outermost([path for definition in self.definitions for path in definition.prefixes])

    def settings(self) -> dict[str, Any]:
        """Return the settings for the kernel program, by service."""
        return {definition.service.name: definition.settings() for definition in self.definitions}

    def remember(self, run: Path) -> None:
        """Write the services into the kernel's run folder."""
        services = [attrs.asdict(definition.service) for definition in self.definitions]
        (run / FILE).write_text(json.dumps(services), "utf-8")


def provide(installed: Installed, site: KernelSite) -> KernelServices:
    """Define the services of a kernel, and write their files into its folder."""
    definitions = []
    if installed.openssh or installed.asyncssh:
        definitions.append(ssh.define(installed.openssh, site))
    if installed.ttyd is not None:
        definitions.append(ttyd.define(installed.ttyd, site))
    if installed.jupyterlab:
        definitions += jupyter.definitions(site)
    return KernelServices((*definitions, *map(_preopened, site.spec.preopen_ports)))


def recall(run: Path) -> tuple[Service, ...]:
    """Return the services of a kernel, as defined at its start."""
    try:
        found = json.loads((run / FILE).read_text("utf-8"))
        return tuple(_service(one) for one in found)
    except FileNotFoundError:
        return ()  # An atoll without services has started the kernel.
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return ()  # The file is damaged; the kernel can still be used without services.


def _service(values: dict[str, Any]) -> Service:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Service(**{**values, **lists})


def _preopened(port: int) -> ServiceDefinition:
    return ServiceDefinition(
        service=Service(name=str(port), protocol="preopen", ports=(port,)), kind="port"
    )
