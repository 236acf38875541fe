"""Read about processes from /proc."""

from __future__ import annotations

import os

from .files import read

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
WANTED = {"Threads", "RssAnon", "RssShmem", "VmSwap"}


def children(pid: int) -> list[int]:
    """List the child processes of all threads of a process."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, read(f"/proc/{pid}/task/{thread}/children").split())
    except OSError:
        pass  # the process has ended meanwhile
    return found


def descendants(pid: int, skip: int = 0) -> list[int]:
    """List all processes below `pid`, parents first, without the first `skip` generations."""
    generation, found = [pid], []
    while generation:
        generation = [child for parent in generation for child in children(parent)]
        if skip <= 0:
            found += generation
        skip -= 1
    return found


def living(skip: int = 0) -> list[int]:
    """List our running descendants, without the first `skip` generations."""
    return [pid for pid in descendants(os.getpid(), skip) if not is_zombie(pid)]


def outside(pids: list[int]) -> list[int]:
    """Return those of these processes that the first one, the kernel program, does not ask to end.

    These are the program itself and the commands around it, which are in its session, and processes
    that lost their parent. The program asks all process groups of its other descendants.
    """
    if not pids:
        return []
    session = place(pids[0])[1]
    below = [place(pid) for pid in descendants(pids[0])]
    asked = {group for group, its_session in below if its_session != session}
    return [pid for pid in pids if place(pid)[0] not in asked]


def place(pid: int) -> tuple[str, str]:
    """Return the process group and the session of a process; empty texts if it has ended."""
    try:
        _state, _parent, group, session, *_ = stat_fields(pid)
    except (OSError, ValueError):
        return "", ""
    return group, session


def is_zombie(pid: int) -> bool:
    try:
        return stat_fields(pid)[0] == "Z"
    except OSError:
        return True


def stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third (the state) on.

    The second field, the name, may contain spaces.
    """
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def cpu_used() -> float:
    """Return the processor time of all descendants, also of ended ones, in milliseconds."""
    ended = os.times()
    ticks = sum(ticks_of(pid) for pid in descendants(os.getpid()))
    return 1000 * (ended.children_user + ended.children_system + ticks / TICKS_PER_SECOND)


def ticks_of(pid: int) -> int:
    try:
        return sum(map(int, stat_fields(pid)[11:15]))
    except OSError:
        return 0


class Figures:
    """The threads and the memory in bytes of a process; others may also use part of `shared`.

    Raises OSError if the process has ended.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        lines = (line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
        fields = {name: value.split()[0] for name, value in lines if name in WANTED}
        self.threads = int(fields.get("Threads", 1))
        self.private = 1024 * (int(fields.get("RssAnon", 0)) + int(fields.get("VmSwap", 0)))
        self.shared = 1024 * int(fields.get("RssShmem", 0))


def figures(pids: list[int]) -> list[Figures]:
    """Return the figures of those of the processes that still exist."""
    found = []
    for pid in pids:
        try:
            found.append(Figures(pid))
        except OSError:
            continue
    return found
