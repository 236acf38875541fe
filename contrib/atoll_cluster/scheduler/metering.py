"""The resource use of running kernels, in the form of the API.

Each metric is a map of texts: `current`, `capacity`, `pct`, `unit_hint`, and statistics as
`stats.max`, `stats.avg`, `stats.rate`.
"""

import os
from collections.abc import Callable, Iterable, Mapping

import anyio
from attrs import define, field

from atoll_cluster.engine.contract import Engine, ExitStatus, KernelSpec, Usage

Stat = dict[str, dict[str, str]]

_INTERVAL = 2.0
"""Seconds between two measurements; to measure thirty kernels takes some milliseconds."""


@define
class Meter:
    """The resource use of a kernel; `begin` and other times are seconds of the same clock."""

    spec: KernelSpec
    begin: float
    _usage: Usage = field(factory=lambda: Usage(cpu_used=0, memory=0, read=0, written=0))
    _looked_at: float = field(init=False)
    _cpu_rate: float = 0.0
    _most_cpu_rate: float = 0.0
    _read_rate: float = 0.0
    _write_rate: float = 0.0
    _most_memory: int = 0
    _most_scratch: int = 0

    def __attrs_post_init__(self) -> None:
        self._looked_at = self.begin

    def take(self, usage: Usage, now: float) -> None:
        """Add a measurement."""
        seconds = max(now - self._looked_at, 0.001)
        self._cpu_rate = self._possible(usage.cpu_used - self._usage.cpu_used, seconds)
        self._read_rate = max(0, usage.read - self._usage.read) / seconds
        self._write_rate = max(0, usage.written - self._usage.written) / seconds
        self._most_cpu_rate = max(self._most_cpu_rate, self._cpu_rate)
        self._most_memory = max(self._most_memory, usage.memory)
        self._most_scratch = max(self._most_scratch, usage.scratch)
        self._usage, self._looked_at = usage, now

    def end(self, status: ExitStatus, now: float) -> None:
        """Add the last measurement."""
        cpu_used = max(self._usage.cpu_used, status.cpu_used or 0)
        if self._looked_at == self.begin:
            self._cpu_rate = self._possible(cpu_used, max(now - self.begin, 0.001))
            self._most_cpu_rate = self._cpu_rate
        self._most_memory = max(self._most_memory, status.memory_peak or 0)
        self._usage = Usage(
            cpu_used=cpu_used,
            memory=self._usage.memory or self._most_memory,
            read=self._usage.read,
            written=self._usage.written,
            scratch=self._usage.scratch,
        )
        self._looked_at = now

    def _possible(self, cpu_used: float, seconds: float) -> float:
        """Return the use in milliseconds per second, at most what the kernel's processors allow.

        A measured rate can be too high, because the system counts processor time in hundredths of
        a second, and reads it a little before or after the clock.
        """
        return min(max(0.0, cpu_used) / seconds, 1000.0 * self._usable)

    @property
    def processor_share(self) -> float:
        """The recent use of the kernel's processors, in percent."""
        return min(self._cpu_rate / (10 * self._granted), 100.0)

    def stat(self) -> Stat:
        """Return the figures in the form of `live_stat` and `last_stat`."""
        usage, most = self._usage, 1000 * (self._looked_at - self.begin) * self._usable
        average = 1000 * self._usable * min(usage.cpu_used / most, 1.0) if most else 0.0
        cpu_util = _metric(self._cpu_rate, self._cpu_capacity, "percent")
        memory = _metric(usage.memory, self.spec.memory or 0, "bytes")
        scratch = _metric(usage.scratch, 0, "bytes")
        return {
            "cpu_util": cpu_util
            | {"stats.max": _text(self._most_cpu_rate), "stats.avg": _text(average)},
            "cpu_used": _metric(usage.cpu_used, max(most, usage.cpu_used), "msec"),
            "mem": memory | {"stats.max": _text(self._most_memory)},
            "io_read": _metric(usage.read, 0, "bytes") | {"stats.rate": _text(self._read_rate)},
            "io_write": _metric(usage.written, 0, "bytes")
            | {"stats.rate": _text(self._write_rate)},
            "io_scratch_size": scratch | {"stats.max": _text(self._most_scratch)},
        }

    @property
    def _usable(self) -> int:
        """The number of processors that the kernel can run on."""
        return len(self.spec.cpus) or os.cpu_count() or 1

    @property
    def _granted(self) -> float:
        """The number of processors that the kernel was given, maybe a fraction."""
        return self.spec.cpu_quota or self._usable

    @property
    def _cpu_capacity(self) -> float:
        """The capacity in milliseconds per second.

        It counts the given processors, or, if the kernel uses more than these, all usable ones.
        """
        granted = 1000.0 * self._granted
        return granted if self._cpu_rate <= granted else 1000.0 * self._usable


class Metering:
    """The meters of the running kernels."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = anyio.current_time) -> None:
        self._engine = engine
        self._clock = clock
        self._meters: dict[str, Meter] = {}
        self._ended: dict[str, Meter] = {}

    async def run(self) -> None:
        """Measure all kernels periodically."""
        while True:
            await anyio.sleep(_INTERVAL)
            await self.measure()

    async def measure(self) -> None:
        """Measure all kernels once."""
        if not self._meters:
            return
        now = self._clock()
        found = await self._engine.measure(list(self._meters))
        for kernel_id, usage in found.items():
            if meter := self._meters.get(kernel_id):
                meter.take(usage, now)

    def add(self, spec: KernelSpec, age: float = 0.0) -> None:
        """Start to measure a kernel that has run for some seconds."""
        self._meters[spec.kernel_id] = Meter(spec, self._clock() - age)

    def end(self, kernel_id: str, status: ExitStatus) -> Stat:
        """Stop measuring a kernel; return its last figures, empty if it was never measured.

        A later call returns them again, until `forget` is called.
        """
        if meter := self._meters.pop(kernel_id, None):
            meter.end(status, self._clock())
            self._ended[kernel_id] = meter
        ended = self._ended.get(kernel_id)
        return ended.stat() if ended else {}

    def forget(self, kernel_id: str) -> None:
        """Drop all data of a kernel."""
        self._meters.pop(kernel_id, None)
        self._ended.pop(kernel_id, None)

    def live(self, kernel_id: str) -> Stat | None:
        """Return the figures of a kernel, some seconds old; None unless it runs."""
        meter = self._meters.get(kernel_id)
        return meter.stat() if meter else None

    def processor_share(self, kernel_ids: Iterable[str]) -> float:
        """Return the highest processor use of these kernels, in percent."""
        meters = (self._meters.get(kernel_id) for kernel_id in kernel_ids)
        return max((meter.processor_share for meter in meters if meter), default=0.0)


def amount(stat: Mapping[str, object] | None, metric: str, name: str = "current") -> float:
    """Return a number from a stat, 0 if it was not measured."""
    values = (stat or {}).get(metric)
    return float(values.get(name, 0)) if isinstance(values, dict) else 0.0


def _metric(current: float, capacity: float, unit: str) -> dict[str, str]:
    share = 100 * current / capacity if capacity else 0.0
    return {
        "current": _text(current),
        "capacity": _text(capacity),
        "pct": f"{share:.2f}",
        "unit_hint": unit,
    }


def _text(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.3f}".rstrip("0").rstrip(".")
