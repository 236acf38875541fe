"""Check whether a kernel exceeds its limits of memory and processes."""

from __future__ import annotations

import os
import resource
import time

from .groups import (
    limits_memory,
    limits_processes,
    memory_in_use,
    memory_peak,
    oom_eventfd,
    oom_kills,
)
from .memory import MemoryMeter
from .procfs import descendants, figures

LONGEST_WAIT = 60
"""Seconds between checks if there is no limit to check."""
SHORTEST_PAUSE, LONGEST_PAUSE, PAUSE_FACTOR = 0.25, 2.0, 10
"""The pause between checks without a cgroup: `PAUSE_FACTOR` times the duration of the last check.

The pause is at least `SHORTEST_PAUSE` and at most `LONGEST_PAUSE` seconds."""


class LimitWatcher:
    """Notices when a kernel uses more memory or more processes than its limits allow.

    A cgroup reports this by itself: version 1 by an eventfd, version 2 by its file of events.
    Without a cgroup, this adds up the memory of all processes from time to time (see
    :class:`MemoryMeter`), and counts their threads.
    """

    def __init__(self, memory: int | None, processes: int | None, cgroups: list[str]) -> None:
        self._folder = next(filter(limits_memory, cgroups), None)
        self.in_group = self._folder is not None
        self._memory = None if self.in_group else memory
        self._processes = None if any(map(limits_processes, cgroups)) else processes
        self._sum = MemoryMeter()
        self._most, self._used = 0, 0
        self._next = 0.0
        self.notices: list[int] = []
        """Descriptors that become readable when a group of version 1 is out of memory."""
        self.changes: list[int] = []
        """Descriptors that have an exceptional condition when the events of version 2 change."""
        self._must_check = bool(self._memory or self._processes)
        if self._folder is not None:
            self._subscribe(self._folder)

    def wait_time(self) -> float:
        """Return the seconds until the next check."""
        return max(0, self._next - time.monotonic()) if self._must_check else LONGEST_WAIT

    def exceeded(self, ready_files: list[int]) -> str | None:
        """Return the reason to end the kernel if it exceeds a limit; `ready_files` are descriptors
        that are ready.
        """
        if self._folder is not None:
            for change in self.changes:
                os.pread(change, 1, 0)  # reading ends the exceptional condition
            is_notified = any(notice in ready_files for notice in self.notices)
            if is_notified or oom_kills(self._folder) > 0:
                return "out-of-memory"
        return self.check() if self._must_check and not self.wait_time() else None

    def check(self) -> str | None:
        """Check now; returns a reason like :meth:`exceeded`."""
        begin = time.monotonic()
        processes = figures(descendants(os.getpid()))
        if self._folder is None:
            self._used = self._sum.held(processes, self._memory)
        else:
            self._used = memory_in_use(self._folder)
        self._most = max(self._most, self._used)
        threads = sum(process.threads for process in processes) if self._processes else 0
        took = time.monotonic() - begin
        self._next = begin + took + min(max(SHORTEST_PAUSE, PAUSE_FACTOR * took), LONGEST_PAUSE)
        if self._memory and self._used > self._memory:
            return "out-of-memory"
        return "too-many-processes" if threads > (self._processes or 0) else None

    def memory(self) -> int:
        """Return the kernel's memory at the last check, in bytes."""
        if not self._must_check:
            self.check()
        return self._used

    def peak(self) -> int:
        """Return the highest memory use that is known, in bytes."""
        if self._folder is None:
            most_of_one = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            return max(self._most, most_of_one)
        return max(self._most, memory_peak(self._folder))

    def close(self) -> None:
        for notice in (*self.notices, *self.changes):
            os.close(notice)

    def _subscribe(self, folder: str) -> None:
        try:
            if os.path.exists(f"{folder}/memory.events"):
                self.changes = [os.open(f"{folder}/memory.events", os.O_RDONLY)]
            else:
                self.notices = [oom_eventfd(folder)]
        except OSError:
            self._must_check = True


def limit_data(memory: int) -> None:
    """Limit the memory of each process, unless a lower limit exists."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
