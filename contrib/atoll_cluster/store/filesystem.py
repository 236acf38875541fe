"""What kind of file system a file lies on."""

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
    """Tell whether other machines may see the same file: their changes, locks and memory maps need
    not be seen here. Programs that serve files (FUSE) are not trusted further.
    """
    kind = _kind(path, mounts)
    return kind in _NETWORKED or kind == "fuse" or kind.startswith("fuse.")


def _kind(path: Path, mounts: Path) -> str:
    """Return the type of the file system, as `mount` calls it; empty where that is not told."""
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
