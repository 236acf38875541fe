"""The volume: the directory on this machine's disk with all virtual folders, by id."""

import contextlib
import logging
import shutil
import stat
from pathlib import Path
from uuid import uuid4

from attrs import frozen

from atoll_cluster.storage.removal import remove
from atoll_cluster.storage.traversal import StepKind, steps_in

_log = logging.getLogger(__name__)

HOST = "local:volume1"
"""The name of the only volume, as `proxy:volume`."""

CAPABILITIES = ("vfolder", "fast-fs-size")


@frozen
class Usage:
    """The disk use of a folder.

    `size` is the sum of the file sizes, `on_disk` the bytes that they occupy on the disk, and
    `count` the number of files and folders.
    """

    size: int = 0
    on_disk: int = 0
    count: int = 0


@frozen
class Volume:
    """`folders/` contains the folders, `uploads/` unfinished uploads, `graves/` deleted folders.

    All are on the same file system, so that files and folders can be renamed between them at once.
    """

    root: Path

    @classmethod
    def prepare(cls, root: Path) -> "Volume":
        """Create the folders of the volume, private to their owner."""
        volume = cls(root)
        for place in (root, volume.folders, volume.uploads, volume.deleted_folders):
            place.mkdir(mode=0o700, exist_ok=True)
        return volume

    @property
    def folders(self) -> Path:
        return self.root / "folders"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def deleted_folders(self) -> Path:
        return self.root / "graves"

    def path(self, folder_id: str) -> Path:
        """Return the path of a folder."""
        return self.folders / folder_id

    def create(self, folder_id: str, mode: int = 0o755) -> None:
        """Create an empty folder; raises OSError."""
        path = self.path(folder_id)
        path.mkdir(mode=0o700)
        path.chmod(mode)

    def mark_deleted(self, folder_id: str) -> Path:
        """Hide a folder at once; returns the path for :meth:`purge`."""
        deleted = self.deleted_folders / uuid4().hex
        with contextlib.suppress(FileNotFoundError):  # An earlier program has done this already.
            self.path(folder_id).rename(deleted)
        return deleted

    def purge(self, deleted: Path) -> None:
        """Remove the files of a deleted folder; may be slow. Raises RemovalError."""
        remove(deleted)

    def space(self) -> tuple[int, int]:
        """Return the total and the free bytes of the file system."""
        figures = shutil.disk_usage(self.root)
        return figures.total, figures.free


def count(folder: Path) -> Usage:
    """Count the files and bytes of a folder; links count as files and are not followed.

    A folder that can't be read counts as empty.
    """
    size = on_disk = number = 0
    for step in steps_in(folder):
        number += step.kind is not StepKind.LEFT
        if step.kind is StepKind.ENTRY and stat.S_ISREG(step.status.st_mode):
            size += step.status.st_size
            on_disk += 512 * step.status.st_blocks
    return Usage(size, on_disk, number)
