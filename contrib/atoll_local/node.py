"""How this machine fares right now, as agents report it."""

import os
from pathlib import Path
from typing import Any

from attrs import frozen

from atoll_local.storage.volume import Volume

Figure = dict[str, str]
"""`current`, `capacity`, `pct` and `unit_hint`; numbers are texts."""


@frozen
class Node:
    """The processors (as the load of the last minute), the memory, and the disk of the folders."""

    processors: Figure
    memory: Figure
    disk: Figure

    def live_stat(self) -> dict[str, Any]:
        """Return the figures as agents tell them: of the whole node, and of its devices."""
        count = os.cpu_count() or 1
        # The load says nothing of single processors: each is told to bear its share.
        share = _figure(float(self.processors["current"]) / count, 1000, "pct")
        return {
            "node": {"cpu_util": self.processors, "mem": self.memory, "disk": self.disk},
            "devices": {
                "cpu_util": {str(number): share for number in range(count)},
                "mem": {"root": self.memory},
                "disk": {"storage": self.disk},
            },
        }


def measure(volume: Volume) -> Node:
    """Measure this machine; the load is told as milliseconds of processor time in a second."""
    memory, (total, free) = _memory(), volume.space()
    used = memory["MemTotal"] - memory["MemAvailable"]
    return Node(
        _figure(os.getloadavg()[0] * 1000, (os.cpu_count() or 1) * 1000, "msec"),
        _figure(used, memory["MemTotal"], "bytes"),
        _figure(total - free, total, "bytes"),
    )


def _figure(current: float, capacity: float, unit: str) -> Figure:
    return {
        "current": f"{current:.0f}",
        "capacity": f"{capacity:.0f}",
        "pct": f"{100 * current / capacity:.2f}",
        "unit_hint": unit,
    }


def _memory() -> dict[str, int]:
    """Return the kernel's own account of memory, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
