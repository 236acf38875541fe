"""Detect whether a file is on a network file system."""

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORKED = {
    "9p",
    "acfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "panfs",
    "pvfs2",
    "smb3",
    "wekafs",
}


def is_networked(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Return whether a file is on a file system that several machines may share.

    Then this machine may not see the changes, locks and memory maps of the others. File systems in
    user space (FUSE) count as shared, because they guarantee no more.
    """
    kind = _kind(path, mounts)
    return kind in _NETWORKED or kind == "fuse" or kind.startswith("fuse.")


def _kind(path: Path, mounts: Path) -> str:
    """Return the type of the file system, as `mount` names it; empty if it is unknown."""
    try:
        device = path.stat().st_dev
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        begin, _, end = line.partition(" - ")
        if number in begin.split()[2:3]:
            return end.split(" ", 1)[0]
    return ""
