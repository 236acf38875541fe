"""Measure the resource use of kernels in one pass over /proc."""

import contextlib
import json
import os
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from attrs import define, field, frozen

from atoll_cluster.storage.traversal import StepKind, steps_in

from . import cgroup
from .contract import Usage
from .folder import KernelFolder
from .supervisor.procfs import stat_fields

TICK = 1000 / os.sysconf("SC_CLK_TCK")
"""Length in milliseconds of the clock tick, in which /proc counts processor time."""
SIZE_INTERVAL, MOST_STEPS = 60.0, 40_000
"""Seconds until the size of a home is measured again, and how many files one measurement reads."""
ANSWER_TIMEOUT = 0.5
"""Seconds in which a supervisor must answer how much memory its kernel uses."""


@frozen
class ProcessTable:
    """All processes of the machine: the fields of their `stat` by pid, and their children."""

    stats: Mapping[int, list[str]]
    children: Mapping[int, list[int]]

    @classmethod
    def take(cls) -> "ProcessTable":
        stats = dict(_processes())
        children = defaultdict(list)
        for pid, fields in stats.items():
            children[int(fields[1])].append(pid)
        return cls(stats, children)

    def below(self, pid: int) -> Iterator[int]:
        """Yield all descendants of a process, parents first."""
        ahead = list(self.children.get(pid, ()))
        while ahead:
            yield (child := ahead.pop())
            ahead += self.children.get(child, ())

    def cpu_used(self, pid: int) -> float:
        """Return the processor time of a process and its ended children in milliseconds."""
        return sum(map(int, self.stats[pid][11:15])) * TICK

    def supervisor(self, folder: KernelFolder) -> int | None:
        """Return a kernel's supervisor, None if it has ended."""
        process = folder.supervisor()
        return process.pid if process and process.pid in self.stats else None


@define
class UsageMeter:
    """Measures kernels; the size of homes, which is slow to measure, only from time to time."""

    _sizes: dict[str, tuple[float, int]] = field(factory=dict)
    _memory: dict[str, int] = field(factory=dict)

    def measure(self, folders: Mapping[str, KernelFolder]) -> dict[str, Usage]:
        """Measure the kernels with running supervisors."""
        processes = ProcessTable.take()
        found = {}
        for kernel_id, folder in folders.items():
            supervisor = processes.supervisor(folder)
            if supervisor is not None:
                family = list(processes.below(supervisor))
                memory, scratch = self._memory_of(folder), self._size(folder)
                found[kernel_id] = _usage(processes, family, memory, scratch)
        self._sizes = {one: size for one, size in self._sizes.items() if one in found}
        self._memory = {one: bytes_ for one, bytes_ in self._memory.items() if one in found}
        return found

    def _memory_of(self, folder: KernelFolder) -> int:
        """Return a kernel's memory, as its control group or its supervisor counts it.

        A sum over its processes would count shared memory several times.
        """
        name, counted = folder.path.name, cgroup.memory_in_use(folder.cgroups())
        if counted is None:
            counted = _memory_told(folder.run)
        if counted is not None:
            self._memory[name] = counted
        return self._memory.get(name, 0)

    def _size(self, folder: KernelFolder) -> int:
        name, now = folder.path.name, time.monotonic()
        if name not in self._sizes or now > self._sizes[name][0] + SIZE_INTERVAL:
            self._sizes[name] = now, _size_of(folder.home)
        return self._sizes[name][1]


def _usage(processes: ProcessTable, family: Sequence[int], memory: int, scratch: int) -> Usage:
    counters = [_transferred(pid) for pid in family]
    return Usage(
        cpu_used=sum(map(processes.cpu_used, family)),
        memory=memory,
        read=sum(read for read, _ in counters),
        written=sum(written for _, written in counters),
        scratch=scratch,
    )


def _memory_told(run_folder: Path) -> int | None:
    """Ask a supervisor for its kernel's memory; None if it does not answer."""
    try:
        with contextlib.ExitStack() as stack:
            folder = os.open(run_folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, folder)
            caller = stack.enter_context(socket.socket(socket.AF_UNIX))
            caller.settimeout(ANSWER_TIMEOUT)
            caller.connect(f"/proc/self/fd/{folder}/supervisor.sock")
            return int(json.loads(caller.recv(256))["memory"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _processes() -> Iterator[tuple[int, list[str]]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - of hundreds of paths only names are wanted
        if name.isdecimal():
            try:
                yield int(name), stat_fields(int(name))
            except OSError:
                continue  # the process has ended meanwhile


def _transferred(pid: int) -> tuple[int, int]:
    """Return the bytes that a process has read from and written to disks, zeros if unreadable."""
    try:
        text = Path(f"/proc/{pid}/io").read_text("ascii")
    except OSError:
        return 0, 0
    counts = dict(line.split(": ") for line in text.splitlines())
    return int(counts["read_bytes"]), int(counts["write_bytes"])


def _size_of(home: Path) -> int:
    """Return the disk usage of a home in bytes; if it has very many files, only of a part."""
    steps = islice(steps_in(home), MOST_STEPS)
    return 512 * sum(step.status.st_blocks for step in steps if step.kind is StepKind.ENTRY)
