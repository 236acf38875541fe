"""Folders in which pictures are stored: the user's own, or a private one that keeps the newest."""

import os
import re
from contextlib import suppress
from pathlib import Path

from attrs import define, field

from atoll import AtollError, Paths, UsageError
from atoll.files import make_private
from atoll_sessions.pictures.media import Medium

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_FILES = 1000
_MOST_BYTES = 1 << 30
"""The most bytes that one run may write to a folder."""
_PRIVATE_FILES = 50
"""How many pictures the private folder keeps."""


class AlbumFull(AtollError):
    """A run has shown so many pictures that it is probably a mistake."""


@define
class Album:
    """A folder in which the pictures of one run are stored and numbered.

    Existing files are not overwritten, and existing links are not followed.
    """

    folder: Path
    mode: int = 0o666
    """The permissions of its files, before the umask."""
    _next: int = field(default=1, init=False)
    _files: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    @classmethod
    def named(cls, folder: Path) -> "Album":
        """Return the folder that the user has named; it is created if it is missing. Raises
        UsageError.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--media {folder}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"--media {folder}: the folder is not writable")
        return cls(folder.absolute())

    @classmethod
    def private(cls, paths: Paths) -> "Album":
        """Return the folder for pictures that could not be drawn; its oldest pictures are deleted
        for new ones.
        """
        folder = make_private(paths.cache / "pictures")
        kept = [path for path in folder.iterdir() if path.is_file()]
        for path in sorted(kept, key=_age)[: max(0, len(kept) + 1 - _PRIVATE_FILES)]:
            path.unlink(missing_ok=True)
        return cls(folder, 0o600)

    def keep(self, medium: Medium, stem: str) -> Path:
        """Write a file whose name begins with `stem`; returns its path. Raises AtollError, or
        AlbumFull if there are too many.
        """
        if self._files >= _MOST_FILES or self._bytes + len(medium.content) > _MOST_BYTES:
            raise AlbumFull(f"{self.folder} has {self._files} files; further ones are not kept")
        try:
            path = self._write(medium, _safe(stem))
        except OSError as error:
            raise AtollError(f"{self.folder}: {error.strerror}") from None
        self._files += 1
        self._bytes += len(medium.content)
        return path

    def _write(self, medium: Medium, stem: str) -> Path:
        while True:
            path = self.folder / f"{stem}-{self._next}{medium.suffix}"
            self._next += 1
            with suppress(FileExistsError):
                descriptor = os.open(path, _FRESH, self.mode)
                break
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(medium.content)
        except OSError:
            path.unlink(missing_ok=True)  # an incomplete picture is useless
            raise
        return path


def _safe(stem: str) -> str:
    """Return a name that is safe as a file name in any folder."""
    return re.sub(r"[^\w.-]+", "_", stem, flags=re.ASCII).lstrip(".-")[:64] or "picture"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
