"""The kernel's control groups, for its supervisor."""

from __future__ import annotations

import errno
import os
import signal
import time

from .files import read, write
from .procfs import send


def limits_memory(folder: str) -> bool:
    return any(
        os.path.exists(f"{folder}/{name}") for name in ("memory.max", "memory.limit_in_bytes")
    )


def limits_processes(folder: str) -> bool:
    return os.path.exists(f"{folder}/pids.max")


def oom_eventfd(folder: str) -> int:
    """Subscribe to out-of-memory events of a group of version 1; raises OSError."""
    notice = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    control = os.open(f"{folder}/memory.oom_control", os.O_RDONLY)
    try:
        write(f"{folder}/cgroup.event_control", f"{notice} {control}")
    except OSError:
        os.close(notice)
        raise
    finally:
        os.close(control)
    return notice


def oom_kills(folder: str) -> int:
    """Return the number of processes that a group's memory limit has killed."""
    for name in ("memory.events", "memory.oom_control"):
        try:
            counts = dict(line.split() for line in read(f"{folder}/{name}").splitlines())
        except OSError:
            continue
        return int(counts.get("oom_kill", 0))
    return 0


def memory_in_use(folder: str) -> int:
    """Return the memory of a group in bytes, with cached files; 0 if unknown."""
    return first_figure(folder, "memory.current", "memory.usage_in_bytes")


def memory_peak(folder: str) -> int:
    """Return the highest memory use of a group in bytes; 0 if Linux is too old to count it."""
    return first_figure(folder, "memory.peak", "memory.max_usage_in_bytes")


def first_figure(folder: str, *names: str) -> int:
    for name in names:
        try:
            return int(read(f"{folder}/{name}"))
        except (OSError, ValueError):
            continue
    return 0


def remove_group(folder: str) -> None:
    """Remove a group, and kill the processes that are left in it.

    This tries for about a second, because killed processes stay in the group for a moment.
    """
    for _ in range(100):
        try:
            os.rmdir(folder)
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            kill_all(folder)
            time.sleep(0.01)
        else:
            return


def kill_all(folder: str) -> None:
    """Kill every process in a group."""
    try:
        pids = read(f"{folder}/cgroup.procs").split()
    except OSError:
        return
    for pid in pids:
        send(int(pid), signal.SIGKILL)
