"""Writes files below one folder, safely for any names and any existing files.

Names may come from a malicious cluster, and a symbolic link on the path may lead anywhere. So the
path is opened with file descriptors, one name at a time, and no symbolic link is followed. A file
gets its name only when it is complete.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ELOOP, ENOTDIR
from pathlib import Path, PurePosixPath
from typing import IO

from attrs import frozen

from atoll._errors import AtollError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1024 * 1024


@frozen
class SafeFolder:
    """A folder to write below; all paths are relative to it, without `..`. All methods raise
    AtollError.
    """

    root: Path

    def make_folder(self, path: PurePosixPath, mode: int = 0o755) -> None:
        """Create a folder and those above it, unless they exist."""
        with self.explained(path), self.opened(path, mode):
            pass

    def write(self, path: PurePosixPath, content: IO[bytes], mode: int, mtime: float) -> None:
        """Write a file; an existing file is replaced when the new one is complete."""

        def fill(draft: str, folder: int) -> None:
            with os.fdopen(os.open(draft, _FRESH, mode, dir_fd=folder), "wb") as file:
                while chunk := content.read(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.utime(file.fileno(), (mtime, mtime))

        self._put(path, fill)

    def link(self, path: PurePosixPath, target: str) -> None:
        """Create a symbolic link; an existing file or link is replaced."""
        self._put(path, lambda draft, folder: os.symlink(target, draft, dir_fd=folder))

    def _put(self, path: PurePosixPath, make: Callable[[str, int], None]) -> None:
        """Create something under a random name, and rename it."""
        with self.explained(path), self.opened(path.parent) as folder:
            draft = f".{secrets.token_hex(8)}.part"
            try:
                make(draft, folder)
                os.replace(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=folder)
                raise

    @contextmanager
    def opened(self, path: PurePosixPath, mode: int = 0o755) -> Iterator[int]:
        """Open a folder below the root; missing folders are created. `mode` is for the last one."""
        folder = os.open(self.root, _FOLDER)
        try:
            for position, name in enumerate(path.parts, start=1):
                is_last = position == len(path.parts)
                below = _folder_in(folder, name, mode if is_last else 0o755)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def explained(self, path: PurePosixPath) -> Iterator[None]:
        """Raise AtollError instead of the system's error about a path."""
        try:
            yield
        except OSError as error:
            reason = error.strerror
            if error.errno in (ELOOP, ENOTDIR):
                reason = "a file or a symbolic link is in the way"
            raise AtollError(f"{self.root / path}: {reason}") from None


def _folder_in(folder: int, name: str, mode: int) -> int:
    """Open a folder in another, creating it if it does not exist."""
    with suppress(FileNotFoundError):
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    with suppress(FileExistsError):  # another process was faster
        os.mkdir(name, mode, dir_fd=folder)
    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
