"""Limit kernels by control groups, if this machine allows it: version 2, else version 1.

If the groups of this machine do not support a limit, it is not set here; the kernel's supervisor
then watches the memory and the processes.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from .supervisor.groups import remove_group

MOUNT, PROC = Path("/sys/fs/cgroup"), Path("/proc")
_FILES = {
    "memory": ("memory.max", "memory.limit_in_bytes"),
    "pids": ("pids.max",),
    "cpu": ("cpu.max", "cpu.cfs_quota_us"),
}
"""Files, of version 2 or 1, that exist in a group if it has the controller."""
PERIOD = 100_000
"""Microseconds for which a quota of processor time is granted."""
LEAF = "atoll-program"
"""The group for our own processes, inside a group that was delegated to us."""
SWAP = {"memory.swap.max", "memory.memsw.limit_in_bytes"}


@frozen(kw_only=True)
class Limits:
    """The limits that all processes of a kernel share; None means no limit.

    `memory` is in bytes, `cpu` in processors (0.5 is half the time of one).
    """

    memory: int | None = None
    cpu: float | None = None
    processes: int | None = None


def create(name: str, limits: Limits, process: int | str = "self") -> Sequence[Path]:
    """Create groups with the limits; returns the folders of the groups that could be created.

    The groups are siblings of the group of `process`, which is our own process by default.
    """
    own = _groups_of(process)
    unified = _unified_parent(own)
    if unified is not None:
        usable = _words(unified / "cgroup.subtree_control")
        files = _unified_files(limits)
        wanted = {unified: {n: v for n, v in files.items() if n.partition(".")[0] in usable}}
    else:
        wanted = {
            _below(MOUNT / controller, own[controller]): files
            for controller, files in _separate_files(limits).items()
            if controller in own
        }
    return [group for parent, files in wanted.items() for group in _make(parent, name, files)]


def usable_controllers(process: int | str = "self") -> Mapping[str, Path]:
    """Find the controllers that can limit a process's children, each with its parent group.

    This creates groups to test it, and removes them again.
    """
    tried = Limits(memory=2**26, cpu=1, processes=100)
    groups = create(f"probe-{os.getpid()}", tried, process)
    found = {
        controller: group.parent
        for group in groups
        for controller in _FILES
        if any((group / file).exists() for file in _FILES[controller])
    }
    remove(groups)
    return found


def prepare_delegated() -> None:
    """Prepare our own group as a parent, if it was delegated (systemd's `Delegate=yes`).

    Only a group without children may contain processes. So this moves our processes to a child
    group; the groups of kernels are created beside it.
    """
    own = _groups_of("self").get("", "/")
    group = _below(MOUNT, own)
    if own == "/" or _unified_parent({"": own}) is not None or not _is_ours(group):
        return
    usable = _words(group / "cgroup.controllers")
    with contextlib.suppress(OSError):
        (group / LEAF).mkdir(exist_ok=True)
        for process in _words(group / "cgroup.procs"):
            (group / LEAF / "cgroup.procs").write_text(process)
        wanted = [f"+{controller}" for controller in _FILES if controller in usable]
        (group / "cgroup.subtree_control").write_text(" ".join(wanted))


def _is_ours(group: Path) -> bool:
    """Return whether we may divide a group: it was delegated, or has no other processes."""
    if not os.access(group / "cgroup.subtree_control", os.W_OK):
        return False
    with contextlib.suppress(OSError):
        if os.getxattr(group, "user.delegate") == b"1":
            return True
    return set(_words(group / "cgroup.procs")) == {str(os.getpid())}


def remove(groups: Sequence[Path]) -> None:
    """Remove groups; waits briefly for their last processes."""
    for group in groups:
        remove_group(str(group))


def memory_in_use(groups: Sequence[Path]) -> int | None:
    """Return a kernel's memory in bytes without cached files; None if no group counts it."""
    for group in groups:
        for file, cached in (
            ("memory.current", "inactive_file"),
            ("memory.usage_in_bytes", "total_inactive_file"),
        ):
            with contextlib.suppress(OSError, ValueError):
                used = int((group / file).read_text())
                return max(0, used - _statistic(group / "memory.stat", cached))
    return None


def _make(parent: Path, name: str, files: Mapping[str, object]) -> Iterator[Path]:
    group = parent / f"atoll-{name}"
    remove([group])
    try:
        group.mkdir()
        for file, value in files.items():
            # Not every Linux kernel counts swap; without it, there is no such file.
            if file not in SWAP or (group / file).exists():
                (group / file).write_text(str(value))
    except OSError:
        remove([group])
    else:
        yield group


def _unified_files(limits: Limits) -> dict[str, object]:
    files: dict[str, object] = {}
    if limits.memory:
        files |= {"memory.max": limits.memory, "memory.swap.max": 0}
    if limits.cpu:
        files["cpu.max"] = f"{int(limits.cpu * PERIOD)} {PERIOD}"
    if limits.processes:
        files["pids.max"] = limits.processes
    return files


def _separate_files(limits: Limits) -> dict[str, dict[str, object]]:
    """Return the files of version 1 by controller: each controller has its own hierarchy."""
    files: dict[str, dict[str, object]] = {}
    if limits.memory:
        memory = limits.memory
        files["memory"] = {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory}
    if limits.cpu:
        quota = int(limits.cpu * PERIOD)
        files["cpu"] = {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": quota}
    if limits.processes:
        files["pids"] = {"pids.max": limits.processes}
    return files


def _unified_parent(groups: Mapping[str, str]) -> Path | None:
    """Return the parent folder of groups of version 2, None if memory cannot be limited."""
    own = groups.get("")
    if own is None:
        return None
    # Our own group contains processes, so it cannot have children with limits.
    parent = _below(MOUNT, own).parent if own != "/" else MOUNT
    is_open = os.access(parent, os.W_OK)
    return parent if is_open and "memory" in _words(parent / "cgroup.subtree_control") else None


def _words(file: Path) -> list[str]:
    """Read a file of the Linux kernel as a list of words, empty if the file does not exist."""
    try:
        return file.read_text().split()
    except OSError:
        return []


def _groups_of(process: int | str) -> dict[str, str]:
    """Return the group of a process by controller; version 2 has an empty controller name."""
    groups = {}
    with contextlib.suppress(OSError):
        for line in (PROC / str(process) / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _statistic(file: Path, name: str) -> int:
    lines = (line.split() for line in file.read_text().splitlines())
    return next((int(value) for key, value in lines if key == name), 0)


def _below(mount: Path, path: str) -> Path:
    return mount / path.lstrip("/")
