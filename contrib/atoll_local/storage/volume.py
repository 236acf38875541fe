"""The place on this machine's disk where folders lie, each under its id."""

import contextlib
import os
import shutil
import stat
from pathlib import Path
from uuid import uuid4

from attrs import frozen

HOST = "local:volume1"
"""The name of the one volume, as `proxy:volume`."""

CAPABILITIES = ("vfolder", "fast-fs-size")


@frozen
class Usage:
    """What a folder takes: bytes of its files, and how many files and folders there are."""

    size: int
    count: int


@frozen
class Volume:
    """`folders/` holds the folders, `uploads/` files that arrive, `graves/` what is being deleted.

    All lie on one file system, so that whole files and folders move between them at once.
    """

    root: Path

    @classmethod
    def prepare(cls, root: Path) -> "Volume":
        """Make the places, for their owner alone."""
        volume = cls(root)
        for place in (root, volume.folders, volume.uploads, volume.graves):
            place.mkdir(mode=0o700, exist_ok=True)
        return volume

    @property
    def folders(self) -> Path:
        return self.root / "folders"

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def graves(self) -> Path:
        return self.root / "graves"

    def path(self, folder_id: str) -> Path:
        """Return where a folder lies."""
        return self.folders / folder_id

    def create(self, folder_id: str, mode: int = 0o755) -> None:
        """Make an empty folder; raises OSError."""
        path = self.path(folder_id)
        path.mkdir()
        path.chmod(mode)

    def discard(self, folder_id: str) -> Path:
        """Take a folder away at once; returns what is left to be buried."""
        grave = self.graves / uuid4().hex
        with contextlib.suppress(FileNotFoundError):  # An earlier program got this far.
            self.path(folder_id).rename(grave)
        return grave

    def bury(self, grave: Path) -> None:
        """Delete what was discarded, the folders that a session has locked included."""
        for parent, folders, _ in os.walk(grave):
            for folder in (Path(parent, name) for name in folders):
                if not folder.is_symlink():
                    folder.chmod(0o700)
        shutil.rmtree(grave, ignore_errors=True)

    def bury_all(self) -> None:
        """Delete everything that was discarded, by earlier programs too; may take long."""
        for grave in self.graves.iterdir():
            self.bury(grave)

    def space(self) -> tuple[int, int]:
        """Return the bytes that the file system has, and those that are left."""
        figures = shutil.disk_usage(self.root)
        return figures.total, figures.free


def count(folder: Path) -> Usage:
    """Count what a folder takes; links count as files and are not followed."""
    size = number = 0
    for parent, folders, files in os.walk(folder):
        number += len(folders) + len(files)
        for name in files:
            try:
                status = os.lstat(os.path.join(parent, name))  # noqa: PTH118 - many times quicker
            except FileNotFoundError:
                continue  # It was removed meanwhile.
            size += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return Usage(size, number)
