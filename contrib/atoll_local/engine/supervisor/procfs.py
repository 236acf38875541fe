"""Processes as /proc tells of them."""

from __future__ import annotations

import os
import resource

from .files import read

PAGE, TICKS_PER_SECOND = resource.getpagesize(), os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """List the processes that a process has started, by whichever of its threads."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        pass  # it has ended meanwhile
    return found


def descendants(pid: int, skip: int = 0) -> list[int]:
    """List every process below `pid`, parents first, without the first `skip` generations."""
    generation, found = [pid], []
    while generation:
        generation = [child for parent in generation for child in children(parent)]
        if skip <= 0:
            found += generation
        skip -= 1
    return found


def living(skip: int = 0) -> list[int]:
    """List our descendants that run, without the first `skip` generations."""
    return [pid for pid in descendants(os.getpid(), skip) if not is_zombie(pid)]


def is_zombie(pid: int) -> bool:
    try:
        return stat_fields(pid)[0] == "Z"
    except OSError:
        return True


def stat_fields(pid: int) -> list[str]:
    """Read /proc/<pid>/stat from the third field (state) on; the name before it may hold spaces."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def cpu_used() -> float:
    """Return the milliseconds of processor time of all descendants, the ended ones included."""
    ended = os.times()
    ticks = sum(ticks_of(pid) for pid in descendants(os.getpid()))
    return 1000 * (ended.children_user + ended.children_system + ticks / TICKS_PER_SECOND)


def ticks_of(pid: int) -> int:
    try:
        return sum(map(int, stat_fields(pid)[11:15]))
    except OSError:
        return 0


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds, those it shares included."""
    try:
        return int(read(f"/proc/{pid}/statm").split()[1]) * PAGE
    except OSError:
        return 0


def proportional(pid: int) -> int:
    """Return the bytes that a process holds, of shared ones its part: exact, but dear to ask."""
    try:
        lines = read(f"/proc/{pid}/smaps_rollup").splitlines()
    except OSError:
        return resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
