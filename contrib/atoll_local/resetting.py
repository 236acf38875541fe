"""`atoll local reset`: end all processes that use the data folder, and delete it."""

import os
import signal
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from atoll import AtollError
from atoll_cluster.engine import cgroup
from atoll_cluster.engine.folder import KernelFolder
from atoll_cluster.instance import process_start
from atoll_cluster.paths import DataDir
from atoll_cluster.storage.removal import RemovalError, remove
from atoll_local import launcher

_TIMEOUT = 10.0
"""Seconds in which sessions can end before they are killed."""
_POLL = 0.02


def reset(data: DataDir) -> None:
    """Delete the data folder, after all processes that use it have ended.

    This also works if the data are damaged. Raises AtollError if something cannot be deleted.
    """
    try:
        launcher.stop(data)
    except AtollError:
        _kill_all(_programs(data))
    # If the cluster's program was killed, its sessions still run.
    supervisors = _supervisors(data)
    _signal_all(supervisors, signal.SIGTERM)
    if not _end(supervisors):
        _kill_all(supervisors)
    cgroup.remove([group for folder in _kernels(data) for group in folder.cgroups()])
    try:
        remove(data.root.resolve())
        remove(data.root)
    except RemovalError as error:
        more = f" (and {error.count - 1} more)" if error.count > 1 else ""
        raise AtollError(
            f"{error.filename} can't be deleted: {error.strerror}{more}",
            hint="everything else is deleted; delete it as its owner, then reset again",
        ) from None
    except OSError as error:
        raise AtollError(f"{data.root} can't be deleted: {error.strerror}") from None


def _kernels(data: DataDir) -> list[KernelFolder]:
    try:
        return [KernelFolder(path) for path in data.kernels.iterdir()]
    except OSError:
        return []


Processes = dict[int, int | None]
"""Start times of processes by pid: a pid may be reused, but not with the same start time."""


def _programs(data: DataDir) -> Processes:
    """Find the cluster's program by its command line, because its files may be damaged."""
    return {
        pid: process_start(pid)
        for pid, words in _commands()
        if ("--data", str(data.root)) in pairwise(words)
    }


def _supervisors(data: DataDir) -> Processes:
    """Find the supervisors of sessions by their working folder."""
    return {
        pid: process_start(pid)
        for pid, words in _commands()
        if "launch.json" in words[-2:] and _works_in(pid, data.kernels)
    }


def _commands() -> Iterator[tuple[int, list[str]]]:
    for name in filter(str.isdecimal, os.listdir("/proc")):  # noqa: PTH208 - names alone
        try:
            words = os.fsdecode(Path("/proc", name, "cmdline").read_bytes()).split("\0")[:-1]
        except OSError:
            continue
        if words and int(name) != os.getpid():
            yield int(name), words


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(folder.resolve())  # noqa: PTH115 - may end in " (deleted)"
    except OSError:
        return False


def _signal_all(processes: Processes, number: signal.Signals) -> None:
    for pid in _living(processes):
        try:
            os.kill(pid, number)
        except OSError:
            continue  # The process has ended, or it belongs to another user.


def _living(processes: Processes) -> list[int]:
    return [pid for pid, started in processes.items() if started and process_start(pid) == started]


def _end(processes: Processes) -> bool:
    deadline = time.monotonic() + _TIMEOUT
    while time.monotonic() < deadline:
        if not _living(processes):
            return True
        time.sleep(_POLL)
    return False


def _kill_all(processes: Processes) -> None:
    _signal_all(processes, signal.SIGKILL)
    _end(processes)
