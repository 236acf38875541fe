"""The machine as the scheduler sees it: which processors and how much memory it may give away."""

import os
from collections.abc import Iterable

from attrs import frozen

from atoll_local.scheduler.slots import Slots

_SHARE = 0.9
"""How much of the memory sessions may have; the rest keeps the machine itself alive."""


@frozen
class Machine:
    """`processors` are numbered from 0 and map onto `host_cpus`; `memory` is in bytes.

    More processors can be promised than the host has; kernels then share some.
    """

    processors: int
    memory: int
    host_cpus: tuple[int, ...]

    @classmethod
    def this(cls, processors: int | None = None, memory: int | None = None) -> "Machine":
        """Measure this machine; a number given overrides what was found."""
        host_cpus = tuple(sorted(os.sched_getaffinity(0)))
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(processors or len(host_cpus), memory or int(total * _SHARE), host_cpus)

    @property
    def slots(self) -> Slots:
        """Everything there is to give."""
        return Slots(self.processors, self.memory)

    def choose(self, count: int, taken: Iterable[int]) -> tuple[int, ...]:
        """Pick `count` processors that are not taken; there must be enough."""
        busy = set(taken)
        return tuple(n for n in range(self.processors) if n not in busy)[:count]

    def on_host(self, processors: Iterable[int]) -> tuple[int, ...]:
        """Return the host's numbers for processors of ours."""
        return tuple(sorted({self.host_cpus[n % len(self.host_cpus)] for n in processors}))
