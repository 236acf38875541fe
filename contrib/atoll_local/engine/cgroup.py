"""Memory limits by cgroup where this machine allows one: version 2, else version 1, else none."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

MOUNT = Path("/sys/fs/cgroup")


@frozen
class Hierarchy:
    """A folder in which groups can be made, and the file in each that holds its limit in bytes."""

    parent: Path
    limit: str


def limit_memory(name: str, limit: int) -> Sequence[Path]:
    """Make a group with a limit in bytes; return its folder, or nothing where that is forbidden."""
    for hierarchy in _hierarchies():
        group = hierarchy.parent / f"atoll-{name}"
        remove([group])
        try:
            group.mkdir()
            (group / hierarchy.limit).write_text(str(limit))
        except OSError:
            remove([group])
        else:
            return [group]
    return []


def remove(groups: Sequence[Path]) -> None:
    """Remove groups that have no process any more."""
    for group in groups:
        with contextlib.suppress(OSError):
            group.rmdir()


def _hierarchies() -> Iterator[Hierarchy]:
    own = _own_groups()
    if "" in own:
        # processes live in leaves only, so our own group cannot have children with limits
        parent = _below(MOUNT, own[""]).parent if own[""] != "/" else MOUNT
        with contextlib.suppress(OSError):
            if "memory" in (parent / "cgroup.subtree_control").read_text().split():
                yield Hierarchy(parent, "memory.max")
    if "memory" in own:
        yield Hierarchy(_below(MOUNT / "memory", own["memory"]), "memory.limit_in_bytes")


def _own_groups() -> dict[str, str]:
    """Our own group in each hierarchy, by controller; the one of version 2 has an empty name."""
    groups = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _below(mount: Path, path: str) -> Path:
    return mount / path.lstrip("/")
