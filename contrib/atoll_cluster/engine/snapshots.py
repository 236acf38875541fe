"""Snapshots of homes, which can be copied into the homes of new kernels."""

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from anyio import from_thread
from attrs import frozen

from atoll_cluster.storage.copying import copy
from atoll_cluster.storage.removal import remove
from atoll_cluster.storage.tree import PathError, Tree
from atoll_cluster.storage.volume import count

from .contract import EngineError, HomeSnapshot, Mount, Progress

LARGEST = 32 * 1024**3
"""Bytes on the disk that a snapshot may take."""
_SPARE = 10_000
"""A copy stops if it finds more than twice the initial number of files, plus this number."""


@frozen
class HomeSnapshots:
    """The snapshots in the folder `root`, which has a folder for each, named by its id.

    All methods may be slow. Call them in a worker thread of anyio; they end when the task of the
    thread is cancelled.
    """

    root: Path

    def keep(
        self,
        home: Path,
        home_id: str,
        mounts: Sequence[Mount],
        own: Mapping[str, str],
        progress: Progress,
    ) -> HomeSnapshot:
        """Copy a home, which may be in use, without its mounts.

        `own` are the texts, by path, of files that only this kernel needs: the copy does not
        contain them, unless they were changed.

        Raises EngineError if the home is too large or grows too fast, and OSError.
        """
        usage = count(home)
        self.root.mkdir(mode=0o700, exist_ok=True)
        _check_room(usage.on_disk, shutil.disk_usage(self.root).free)
        target = self.root / home_id
        target.mkdir(mode=0o700)

        def report(number: int) -> None:
            from_thread.check_cancelled()
            if number > 2 * usage.count + _SPARE:
                raise EngineError("files are added to the session faster than they can be copied")
            progress(number, usage.count)

        omissions = copy(home, target, report)
        _leave_out(Tree(target), mounts)
        _leave_out_own(Tree(target), own)
        return HomeSnapshot(count(target).size, omissions.summary())

    def fill(self, home_id: str, home: Path) -> None:
        """Copy a snapshot into a new home; raises EngineError if it does not exist, and OSError."""
        try:
            copy(self.root / home_id, home, lambda _: from_thread.check_cancelled())
        except FileNotFoundError as error:
            raise EngineError("the files of its image do not exist any more") from error

    def drop(self, home_id: str) -> None:
        """Delete a snapshot, if it exists; raises RemovalError."""
        with contextlib.suppress(FileNotFoundError):
            remove(self.root / home_id)

    def found(self) -> Sequence[str]:
        """Return the ids of all snapshots, also incomplete ones."""
        try:
            return sorted(os.listdir(self.root))  # noqa: PTH208 - names alone
        except FileNotFoundError:
            return []


def _check_room(needed: int, free: int) -> None:
    if needed > LARGEST:
        raise EngineError(f"its files take {needed} bytes; {LARGEST} can be kept at most")
    if needed > free:
        raise EngineError(f"the disk of the cluster has no room for {needed} bytes")


def _leave_out(home: Tree, mounts: Sequence[Mount]) -> None:
    """Remove mount points from a copied home: empty folders, or links."""
    for mount in mounts:
        with contextlib.suppress(OSError, PathError):
            if home.is_folder(mount.name):
                if not home.entries(mount.name):
                    home.remove(mount.name, recursive=True)
            elif home.link_target(mount.name) == str(mount.source):
                home.remove(mount.name)


def _leave_out_own(home: Tree, own: Mapping[str, str]) -> None:
    """Remove the kernel's own files from a copied home, unless they were changed."""
    for path, text in own.items():
        with contextlib.suppress(OSError, PathError):
            given = text.encode()
            with home.opened(path) as descriptor:
                is_unchanged = os.read(descriptor, len(given) + 1) == given
            if is_unchanged:
                home.remove(path)
