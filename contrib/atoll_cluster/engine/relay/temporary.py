"""A folder for the temporary files of one kernel, so that kernels on one node share no names."""

from __future__ import annotations

import fcntl
import os
import socket
import time
import zlib

YOUNG = 60.0
"""Seconds after its last change in which an unlocked folder may be a new one."""


class TemporaryFolder:
    """A folder below TMPDIR, or below /tmp, which only its owner can enter.

    Its descriptor is locked while it is in use. If our process is killed, the folder stays without
    a lock, and the next kernel on this node finds it with `delete_others`.
    """

    def __init__(self) -> None:
        """Create the folder; raises OSError, also if its file system has no locks."""
        self._place = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - its name is a new one
        # Nodes may share the place, but not the locks. The name must be short, since there may be
        # sockets in the folder.
        self._prefix = f"atoll-{zlib.crc32(socket.gethostname().encode()):08x}-"
        self.path = os.path.join(self._place, self._prefix + os.urandom(4).hex())
        os.mkdir(self.path, 0o700)
        try:
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.rmdir(self.path)
            raise

    def delete(self) -> None:
        """Delete the folder."""
        delete([self.path])

    def delete_others(self) -> None:
        """Delete the folders of this user's kernels that were killed on this node."""
        delete(self._left_behind())

    def _left_behind(self) -> list[str]:
        try:
            names = os.listdir(self._place)
        except OSError:
            return []
        paths = [os.path.join(self._place, name) for name in names if name.startswith(self._prefix)]
        return [path for path in paths if is_left(path)]


def delete(folders: list[str]) -> None:
    """Delete folders by `rm`, which can delete a tree of any depth."""
    if folders:
        os.spawnvp(os.P_WAIT, "rm", ["rm", "-rf", "--", *folders])  # noqa: S606 - no shell is wanted


def is_left(path: str) -> bool:
    """Return whether a folder is ours, not new, and not locked."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        status = os.fstat(folder)
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < YOUNG:
            return False
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(folder)
    return True
