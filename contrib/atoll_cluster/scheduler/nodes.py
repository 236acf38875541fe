"""The machines that an engine reports: the engine is asked on demand, the answer is cached."""

import logging
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal

import anyio
from attrs import define, field

from atoll_cluster import clock
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.engine.launcher import Launcher, Node, NodeLauncher
from atoll_cluster.slots import Slots, recorded
from atoll_cluster.store.kernels import Kernels

_log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 15.0
"""Seconds for which an answer is cached: after a change, and at most."""
TIMEOUT = 5.0
"""Seconds to wait for an answer of the engine."""


@define
class Nodes:
    """The known machines; none if the launcher does not report them."""

    launcher: Launcher
    kernels: Kernels
    known: Sequence[Node] = ()
    why_unknown: str = ""
    """Why the last query to the engine failed; empty if it succeeded."""
    _until: float = 0.0
    _pause: float = FIRST_PAUSE
    _asking: anyio.Lock = field(factory=anyio.Lock)
    _since: dict[str, tuple[str, str]] = field(factory=dict)
    """The state of each machine by name, and the time when this state was first seen."""

    async def refresh(self) -> Sequence[Node]:
        """Return the machines, from the cache if the last answer is recent enough."""
        if not isinstance(self.launcher, NodeLauncher):
            return ()
        async with self._asking:
            if time.monotonic() >= self._until:
                await self._ask(self.launcher)
                self._until = time.monotonic() + self._pause
        return self.known

    async def _ask(self, launcher: NodeLauncher) -> None:
        try:
            with anyio.fail_after(TIMEOUT):
                found = await launcher.nodes()
        except (EngineError, TimeoutError) as error:
            self.why_unknown = str(error) or f"no answer within {TIMEOUT:g} seconds"
            _log.warning("the machines of the engine are not known: %s", self.why_unknown)
        except Exception:  # noqa: BLE001 - a fault of an engine must not affect others
            self.why_unknown = "the engine has failed to tell them"
            _log.exception("asking the engine for its machines has failed")
        else:
            self.why_unknown = ""
            self._pause = (
                FIRST_PAUSE if found != self.known else min(2 * self._pause, LONGEST_PAUSE)
            )
            self.known = found
            self._since = {one.name: self._seen(one) for one in found}

    def _seen(self, node: Node) -> tuple[str, str]:
        state, since = self._since.get(node.name, ("", ""))
        return (state, since) if state == node.state and since else (node.state, clock.now())

    def since(self, node: Node) -> str | None:
        """Return the time when a machine was first seen in its present state, None if unknown."""
        return self._since.get(node.name, ("", None))[1]

    def find(self, name: str | None) -> Node | None:
        """Return the machine with this name."""
        return next((one for one in self.known if one.name == name), None)

    def of_group(self, group: str | None = None) -> Sequence[Node]:
        """Return the machines of a scaling group, or all."""
        return [one for one in self.known if group is None or group in one.groups]

    def used(self, node: Node) -> Mapping[str, Decimal]:
        """Return the slots in use on a machine.

        If the engine does not report them, only those of our kernels are counted.
        """
        return self.held(node.name).amounts() if node.used is None else node.used

    def held(self, name: str) -> Slots:
        """Return the slots that our kernels occupy on a machine."""
        held = Slots()
        for kernel in self.kernels.occupying():
            if kernel.agent == name:
                held += recorded(kernel.occupied_slots)
        return held

    def total(self, nodes: Sequence[Node]) -> dict[str, Decimal]:
        """Return the sum of the slots of all usable machines."""
        return _sum([one.slots for one in nodes if is_usable(one)])

    def taken(self, nodes: Sequence[Node]) -> dict[str, Decimal]:
        """Return the sum of the slots in use on all usable machines."""
        return _sum([self.used(one) for one in nodes if is_usable(one)])


def is_usable(node: Node) -> bool:
    """Return whether a machine can run kernels that are started now."""
    return node.is_alive and node.is_open


def _sum(amounts: Sequence[Mapping[str, Decimal]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for one in amounts:
        for slot, amount in one.items():
            total[slot] = total.get(slot, Decimal(0)) + amount
    return total
