"""How this machine fares right now, as agents report it."""

import os
from pathlib import Path
from typing import Any

from atoll_local.storage.volume import Volume

Figures = dict[str, dict[str, Any]]
"""For each figure `current`, `capacity`, `pct` and `unit_hint`; numbers are texts."""


def figures(volume: Volume) -> Figures:
    """Measure processors (as the load of the last minute), memory and the disk of the folders."""
    processors = os.cpu_count() or 1
    memory = _memory()
    total, free = volume.space()
    return {
        "cpu_util": _figure(os.getloadavg()[0] * 1000, processors * 1000, "msec"),
        "mem": _figure(memory["MemTotal"] - memory["MemAvailable"], memory["MemTotal"], "bytes"),
        "disk": _figure(total - free, total, "bytes"),
    }


def _figure(current: float, capacity: float, unit: str) -> dict[str, Any]:
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
