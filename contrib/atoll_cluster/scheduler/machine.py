"""The machine as the scheduler sees it: its slots, and the devices that each kernel gets."""

import math
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from attrs import field, frozen

from atoll_cluster.slots import Slots, recorded
from atoll_cluster.store.records import KernelRow

AGENT = "i-local"
"""The name of this machine among agents."""

_SHARE = 0.9
"""The part of the memory that sessions may have; the system itself needs the rest."""
_GPU = re.compile(r"nvidia(\d+)")
_GPU_COMMON = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
_SHARES, _WHOLE = "cuda.shares", "cuda.device"


@frozen
class Machine:
    """`processors` are numbered from 0 and map onto `host_cpus`; `memory` is in bytes.

    The machine can offer more processors than the host has; kernels then share some. `gpus` are the
    numbers of real GPUs; `mock` are amounts of devices that are only counted. `host_memory` is the
    memory that can really be used, 0 if it was not measured. `network` is the second octet of the
    loopback addresses of kernels: 127.<network>.x.y. If kernels run elsewhere, `is_here` is false
    and the engine chooses processors, devices and addresses. If the engine has its own queue,
    `is_bounded` is false and the amounts are unknown.
    """

    processors: int
    memory: int
    host_cpus: tuple[int, ...]
    gpus: tuple[int, ...] = ()
    mock: Mapping[str, Decimal] = field(factory=dict)
    network: int = 77
    device_folder: Path = Path("/dev")
    host_memory: int = 0
    is_here: bool = True
    is_bounded: bool = True
    has_nodes: bool = False
    """Whether each machine of the engine is an agent; otherwise all together are one agent."""

    @classmethod
    def this(cls, slots: Mapping[str, Decimal] | None = None, network: int = 77) -> "Machine":
        """Describe this machine; `slots` override the ones found."""
        devices = dict(slots or {})
        host_cpus = tuple(sorted(os.sched_getaffinity(0)))
        total = int(_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        return cls(
            processors=int(devices.pop("cpu", len(host_cpus))),
            memory=int(devices.pop("mem", total)),
            host_cpus=host_cpus,
            gpus=find_gpus(Path("/dev")),
            mock=devices,
            network=network,
            host_memory=total,
        )

    @classmethod
    def elsewhere(
        cls, capacity: Mapping[str, Decimal] | None, *, has_nodes: bool = False
    ) -> "Machine":
        """Describe an engine with this capacity; None for an engine with its own queue."""
        devices = dict(capacity or {})
        return cls(
            processors=int(devices.pop("cpu", 0)),
            memory=int(devices.pop("mem", 0)),
            host_cpus=(),
            mock=devices,
            is_here=False,
            is_bounded=capacity is not None,
            has_nodes=has_nodes,
        )

    @property
    def agent(self) -> str | None:
        """The agent on which all kernels run; None if there are several agents."""
        return None if self.has_nodes else AGENT

    @property
    def slots(self) -> Slots:
        """All slots."""
        return Slots(Decimal(self.processors), self.memory, {**self.mock, **self._gpu_slots})

    @property
    def simulated(self) -> dict[str, str]:
        """The slots of which the machine offers more than it has, with the offered amounts."""
        return {name: self.slots.as_text()[name] for name in self.slots.lacking(self.real)}

    @property
    def real(self) -> Slots:
        """The slots that really exist."""
        if not self.is_here:
            return self.slots
        memory = self.host_memory or self.memory
        return Slots(Decimal(len(self.host_cpus)), memory, self._gpu_slots)

    @property
    def _gpu_slots(self) -> dict[str, Decimal]:
        count = Decimal(len(self.gpus))
        return {_WHOLE: count, _SHARES: count} if self.gpus else {}

    @property
    def slot_types(self) -> dict[str, str]:
        """The slots and their types, for `/config/resource-slots`."""
        unnamed = () if self.is_bounded else (_WHOLE,)
        names = dict.fromkeys((*self.slots.amounts(), *unnamed))
        return {name: "bytes" if name == "mem" else "count" for name in names}

    def remaining(self, held: Slots) -> Slots:
        """Return the free slots; one GPU is never used both as a whole and in shares."""
        left = self.slots - held
        if not self.gpus:
            return left
        whole, shares = (held.devices.get(name, Decimal(0)) for name in (_WHOLE, _SHARES))
        devices = {_WHOLE: left.devices[_WHOLE] - math.ceil(shares)}
        devices[_SHARES] = left.devices[_SHARES] - whole
        return Slots(left.cpu, left.mem, {**left.devices, **devices})

    def choose(self, cpu: Decimal, kernels: Iterable[KernelRow]) -> tuple[int, ...]:
        """Choose processors for a kernel: free ones, or the least used ones."""
        if not self.is_here:
            return ()
        count = min(max(1, math.ceil(cpu)), self.processors)
        taken = _shares("cpu", [(kernel, kernel.cpus) for kernel in kernels])
        return _fullest_with_room(range(self.processors), taken, cpu / count, count)

    def choose_gpus(self, slots: Slots, kernels: Iterable[KernelRow]) -> tuple[int, ...]:
        """Choose the numbers of a kernel's GPUs, real or simulated."""
        name = next((name for name in (_WHOLE, _SHARES) if slots.devices.get(name)), None)
        if name is None or not self.is_here:
            return ()
        numbers = self.gpus or range(math.ceil(self.slots.devices.get(name, 0)))
        amount = slots.devices[name]
        count = min(math.ceil(amount), len(numbers))
        rows = list(kernels)
        taken = _shares(_SHARES, [(kernel, kernel.devices) for kernel in rows])
        taken += _shares(_WHOLE, [(kernel, kernel.devices) for kernel in rows])
        return _fullest_with_room(numbers, taken, amount / count, count)

    def on_host(self, processors: Iterable[int]) -> tuple[int, ...]:
        """Convert our processor numbers to those of the host."""
        return tuple(sorted({self.host_cpus[n % len(self.host_cpus)] for n in processors}))

    def device_files(self, gpus: Collection[int]) -> tuple[Path, ...]:
        """Return the device files of a kernel's GPUs; none for simulated ones."""
        own = [f"nvidia{number}" for number in gpus if number in self.gpus]
        return tuple(self.device_folder / name for name in (*own, *_GPU_COMMON)) if own else ()

    def address(self, kernels: Iterable[KernelRow]) -> str | None:
        """Return a loopback address that no running kernel has; None for kernels elsewhere."""
        if not self.is_here:
            return None
        taken = {kernel.address for kernel in kernels}
        numbers = range(1, len(taken) + 2)
        addresses = (f"127.{self.network}.{n >> 8}.{n & 255}" for n in numbers)
        return next(one for one in addresses if one not in taken)


def find_gpus(folder: Path) -> tuple[int, ...]:
    """Return the numbers of the GPUs of the NVIDIA driver."""
    matches = (_GPU.fullmatch(path.name) for path in folder.glob("nvidia*"))
    return tuple(sorted(int(match[1]) for match in matches if match))


def _shares(slot: str, holders: Iterable[tuple[KernelRow, Collection[int]]]) -> "Counter[int]":
    """Return how much of each numbered device is in use, in ten-thousandths."""
    taken: Counter[int] = Counter()
    for kernel, numbers in holders:
        amount = recorded(kernel.occupied_slots).amounts().get(slot, Decimal(0))
        for number in numbers:
            taken[number] += int(10_000 * amount / len(numbers))
    return taken


def _fullest_with_room(
    numbers: Iterable[int], taken: "Counter[int]", share: Decimal, count: int
) -> tuple[int, ...]:
    """Choose `count` devices: the fullest ones with room for `share`, else the least used."""
    limit = 10_000 - int(10_000 * share)

    def rank(number: int) -> tuple[bool, int, int]:
        is_full = taken[number] > limit
        return is_full, taken[number] if is_full else -taken[number], number

    return tuple(sorted(sorted(numbers, key=rank)[:count]))
