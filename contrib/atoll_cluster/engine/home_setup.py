"""Prepare a new home: write files, create mount points."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from atoll_cluster.storage.tree import PathError, Tree

from .contract import EngineError, HomeFile, Mount

_KEYS = ".ssh"
"""SSH accepts keys in this folder only if nobody except its owner can read them."""


def write_files(home: Path, files: Sequence[HomeFile]) -> None:
    """Write files with their modes; raises EngineError."""
    tree = Tree(home)
    for file in files:
        try:
            tree.make(str(Path(file.path).parent), parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with tree.opened(file.path, flags) as descriptor:
                with os.fdopen(os.dup(descriptor), "wb") as opened:
                    opened.write(file.content)
                os.fchmod(descriptor, file.mode)
        except (OSError, PathError) as error:
            raise EngineError(f"cannot write {file.path}: {error}") from error


def make_mount_points(home: Path, mounts: Sequence[Mount]) -> None:
    """Create the mount points; raises EngineError.

    The sandbox would create them, too, but it would follow links that an earlier run of the kernel
    has left in the home.
    """
    tree = Tree(home)
    for mount in mounts:
        if mount.is_in_home:
            try:
                tree.make(mount.name, parents=True, exist_ok=True)
            except (OSError, PathError) as error:
                raise _cannot_mount(mount, error) from error


def link_mounts(home: Path, mounts: Sequence[Mount]) -> None:
    """Create links instead of mounts, for kernels without a sandbox; raises EngineError."""
    for mount in mounts:
        if not mount.is_in_home:
            raise EngineError(f"without a sandbox, nothing can be mounted at {mount.name}")
        try:
            Tree(home).make(str(Path(mount.name).parent), parents=True, exist_ok=True)
            link = home / mount.name
            if link.is_symlink():
                link.unlink()
            link.symlink_to(mount.source)
        except (OSError, PathError) as error:
            raise _cannot_mount(mount, error) from error


def _cannot_mount(mount: Mount, error: OSError | PathError) -> EngineError:
    in_the_way = isinstance(error, (NotADirectoryError, FileExistsError))
    why = "a file is in the way" if in_the_way else str(error)
    return EngineError(f"no folder can be mounted at /home/work/{mount.name}: {why}")


def restrict_ssh_keys(mounts: Sequence[Mount]) -> None:
    """Make mounted folders of SSH keys private, because uploaded files are readable for others."""
    for mount in mounts:
        if mount.name == _KEYS:
            _close(Tree(mount.source))


def _close(tree: Tree) -> None:
    with tree.opened("") as descriptor:
        os.fchmod(descriptor, 0o700)
    for entry in tree.entries(""):
        if stat.S_ISREG(entry.status.st_mode):
            with tree.opened(entry.name) as descriptor:
                os.fchmod(descriptor, 0o600)
