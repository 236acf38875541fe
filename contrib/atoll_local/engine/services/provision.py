"""Everything that one kernel serves."""

import json
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from atoll_local.engine.contract import Service

from . import jupyter, ssh, ttyd
from .installed import Installed
from .offer import Offer, Site
from .own_python import outermost

FILE = "services.json"
"""What a kernel was given at its start, for programs that find it later."""


@frozen
class Provision:
    """The services of a kernel."""

    offers: tuple[Offer, ...]

    @property
    def prefixes(self) -> tuple[Path, ...]:
        """The host's folders that the kernel has to see for them."""
        return outermost([path for offer in self.offers for path in offer.prefixes])

    def settings(self) -> dict[str, Any]:
        """Return what the kernel program is told."""
        return {offer.service.name: offer.settings() for offer in self.offers}

    def remember(self, run: Path) -> None:
        """Note them in the kernel's run folder."""
        services = [attrs.asdict(offer.service) for offer in self.offers]
        (run / FILE).write_text(json.dumps(services), "utf-8")


def provide(installed: Installed, site: Site) -> Provision:
    """Decide what a kernel serves, and put what that takes into its folder."""
    offers = []
    if installed.openssh or installed.asyncssh:
        offers.append(ssh.offer(installed.openssh, site))
    if installed.ttyd is not None:
        offers.append(ttyd.offer(installed.ttyd, site))
    if installed.jupyterlab:
        offers += jupyter.offers(site)
    return Provision((*offers, *map(_preopened, site.spec.preopen_ports)))


def recall(run: Path) -> tuple[Service, ...]:
    """Return the services that a kernel was given at its start."""
    try:
        found = json.loads((run / FILE).read_text("utf-8"))
        return tuple(_service(one) for one in found)
    except FileNotFoundError:
        return ()  # A kernel older than services.
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return ()  # It was damaged; all else of the kernel can still be used.


def _service(values: dict[str, Any]) -> Service:
    lists = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    return Service(**{**values, **lists})


def _preopened(port: int) -> Offer:
    return Offer(service=Service(name=str(port), protocol="preopen", ports=(port,)), kind="port")
