"""Tells when a kernel takes more memory than it was given."""

from __future__ import annotations

import os
import resource

from .files import read
from .groups import limits_memory, oom_eventfd, oom_kills
from .procfs import descendants, proportional, resident

LOOK_AROUND = 60
"""Seconds between looks where nothing is to be watched."""
LOOK_AT_MEMORY = 0.25
"""Seconds between looks at the kernel's memory where no cgroup tells of it."""


class MemoryWatch:
    """Tells when a kernel takes more memory than it was given.

    A cgroup sends word itself: version 1 by an eventfd, version 2 by its file of events. Elsewhere
    the resident memory of all processes is added up now and then, pages they share counted once.
    """

    def __init__(self, limit: int | None, cgroups: list[str]) -> None:
        self._limit = limit
        self._most = 0
        self._folder = next((path for path in cgroups if limits_memory(path)), None)
        self.in_group = self._folder is not None
        self.interval: float = LOOK_AROUND if self.in_group or limit is None else LOOK_AT_MEMORY
        self.notices: list[int] = []
        self._version_1 = False
        if self._folder is not None:
            self._subscribe(self._folder)

    def is_exceeded(self, heard: list[int]) -> bool:
        if self._folder is not None:
            told = self._version_1 and any(notice in heard for notice in self.notices)
            return told or oom_kills(self._folder) > 0
        if self._limit is None:
            return False
        return self.look() > self._limit

    def look(self) -> int:
        """Return the bytes that the kernel's processes hold now; exact if that matters."""
        pids = descendants(os.getpid())
        used = sum(map(resident, pids))
        if self._limit is not None and used > self._limit:
            used = sum(map(proportional, pids))
        self._most = max(self._most, used)
        return used

    def peak(self) -> int:
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            try:
                return int(read(f"{self._folder}/{name}"))
            except (OSError, ValueError):
                continue
        return self._most

    def close(self) -> None:
        for notice in self.notices:
            os.close(notice)
        self.notices.clear()

    def _subscribe(self, folder: str) -> None:
        try:
            if os.path.exists(f"{folder}/memory.events"):
                self.notices = [os.open(f"{folder}/memory.events", os.O_RDONLY)]
            else:
                self.notices = [oom_eventfd(folder)]
                self._version_1 = True
        except OSError:
            self.interval = LOOK_AT_MEMORY


def limit_data(memory: int) -> None:
    """Limit the memory that each process may ask for, unless a lower limit holds already."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
