"""Limits by cgroup where this machine allows them: version 2, else version 1, else none.

What a group cannot hold here is left out; the kernel's supervisor then watches over the memory.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from .supervisor.groups import remove_group

MOUNT = Path("/sys/fs/cgroup")
PERIOD = 100_000
"""Microseconds in which a quota of processor time is spent."""
SWAP = {"memory.swap.max", "memory.memsw.limit_in_bytes"}


@frozen(kw_only=True)
class Limits:
    """What the processes of a kernel may use together; None is no limit.

    `memory` is in bytes, `cpu` in processors (0.5 is half the time of one).
    """

    memory: int | None = None
    cpu: float | None = None
    processes: int | None = None


def create(name: str, limits: Limits) -> Sequence[Path]:
    """Make the groups that enforce the limits; return the folders of those that could be made."""
    unified = _unified_parent()
    if unified is not None:
        wanted = {unified: _unified_files(limits)}
    else:
        own = _own_groups()
        wanted = {
            _below(MOUNT / controller, own[controller]): files
            for controller, files in _separate_files(limits).items()
            if controller in own
        }
    return [group for parent, files in wanted.items() for group in _make(parent, name, files)]


def remove(groups: Sequence[Path]) -> None:
    """Remove groups, waiting a moment for their last processes to be gone."""
    for group in groups:
        remove_group(str(group))


def memory_in_use(groups: Sequence[Path]) -> int | None:
    """Return the bytes that a kernel holds, cached files left out; None where no group counts."""
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
            # Not every kernel counts swap; where it does not there is no such file.
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
    """Version 1 has a hierarchy for each controller."""
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


def _unified_parent() -> Path | None:
    """Return the folder for groups of version 2, None where it does not limit memory."""
    own = _own_groups().get("")
    if own is None:
        return None
    # Processes live in leaves only, so our own group cannot have children with limits.
    parent = _below(MOUNT, own).parent if own != "/" else MOUNT
    with contextlib.suppress(OSError):
        if "memory" in (parent / "cgroup.subtree_control").read_text().split():
            return parent
    return None


def _own_groups() -> dict[str, str]:
    """Our own group in each hierarchy, by controller; the one of version 2 has an empty name."""
    groups = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _statistic(file: Path, name: str) -> int:
    lines = (line.split() for line in file.read_text().splitlines())
    return next((int(value) for key, value in lines if key == name), 0)


def _below(mount: Path, path: str) -> Path:
    return mount / path.lstrip("/")
