"""Measure the load of this machine, in the form in which agents report it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from atoll_cluster.storage.volume import Volume

_SHORTEST_INTERVAL = 1.0
"""Seconds between two measurements of processor time, which the system counts in hundredths."""

Figure = dict[str, str]
"""A measurement: `current`, `capacity`, `pct` and `unit_hint`; its numbers are texts."""


@frozen
class Node:
    """The figures of this machine: its processors, its memory, and the disk of the folders."""

    processors: Figure
    each_processor: Sequence[Figure]
    memory: Figure
    disk: Figure

    def live_stat(self) -> dict[str, Any]:
        """Return the figures of the node and of its devices, in the form in which agents report."""
        return {
            "node": {"cpu_util": self.processors, "mem": self.memory, "disk": self.disk},
            "devices": {
                "cpu_util": {str(number): one for number, one in enumerate(self.each_processor)},
                "mem": {"root": self.memory},
                "disk": {"storage": self.disk},
            },
        }


@define
class Processors:
    """The load of the processors between two measurements."""

    stat: Path = Path("/proc/stat")
    _times: Mapping[str, tuple[int, int]] = field(factory=dict)
    _busy: Sequence[float] = ()
    _looked_at: float = field(default=-float("inf"))

    def measure(self) -> Sequence[float]:
        """Return the load of each processor since the last call, from 0 to 1.

        A call within a second after a measurement returns the same values. The first call covers
        the whole time since the machine started.
        """
        if time.monotonic() < self._looked_at + _SHORTEST_INTERVAL:
            return self._busy
        before, self._times = self._times, _times(self.stat)
        self._busy = [_share(before.get(name, (0, 0)), now) for name, now in self._times.items()]
        self._looked_at = time.monotonic()
        return self._busy


def measure(volume: Volume, processors: Processors) -> Node:
    """Measure this machine; the load is in milliseconds of processor time per second."""
    memory, (total, free) = _memory(), volume.space()
    used, busy = memory["MemTotal"] - memory["MemAvailable"], processors.measure()
    return Node(
        _figure(sum(busy) * 1000, len(busy) * 1000, "msec"),
        [_figure(share * 1000, 1000, "pct") for share in busy],
        _figure(used, memory["MemTotal"], "bytes"),
        _figure(total - free, total, "bytes"),
    )


def _figure(current: float, capacity: float, unit: str) -> Figure:
    return {
        "current": f"{current:.0f}",
        "capacity": f"{capacity:.0f}",
        "pct": f"{100 * current / capacity:.2f}" if capacity else "0.00",
        "unit_hint": unit,
    }


def _times(stat: Path) -> dict[str, tuple[int, int]]:
    """Return the busy and the total time of each processor, in ticks."""
    found = {}
    for name, *words in map(str.split, stat.read_text().splitlines()):
        if name.startswith("cpu") and name != "cpu":
            # The fields after the eighth are already included in the first two. The fourth and the
            # fifth are idle time.
            times = list(map(int, words[:8]))
            found[name] = sum(times) - sum(times[3:5]), sum(times)
    return found


def _share(before: tuple[int, int], now: tuple[int, int]) -> float:
    """Return the busy part of the time between two measurements, from 0 to 1.

    The result is limited, because on some machines the counters may decrease.
    """
    busy, total = now[0] - before[0], now[1] - before[1]
    return min(max(busy / total, 0.0), 1.0) if total > 0 else 0.0


def _memory() -> dict[str, int]:
    """Return the memory figures of Linux in bytes, by name."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
