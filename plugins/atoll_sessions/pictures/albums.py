"""Folders in which pictures are kept: the user's own, or a private one that holds the newest."""

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
"""How much one run may leave in a folder."""
_PRIVATE_FILES = 50
"""How many pictures are kept that nobody has asked to be kept."""


class AlbumFull(AtollError):
    """So much was kept that a mistake is likely."""


@define
class Album:
    """A folder that the pictures of one run go to, numbered.

    Nothing that is there is overwritten, or followed if it is a link.
    """

    folder: Path
    mode: int = 0o666
    """Of its files, before the umask."""
    _next: int = field(default=1, init=False)
    _files: int = field(default=0, init=False)
    _bytes: int = field(default=0, init=False)

    @classmethod
    def named(cls, folder: Path) -> "Album":
        """Return the folder that the user names, made if it is missing; raises UsageError."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--media {folder}: {error.strerror}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"--media {folder}: the folder is not writable")
        return cls(folder.absolute())

    @classmethod
    def private(cls, paths: Paths) -> "Album":
        """Return the folder of pictures that could not be drawn; the oldest make room there."""
        folder = make_private(paths.cache / "pictures")
        kept = [path for path in folder.iterdir() if path.is_file()]
        for path in sorted(kept, key=_age)[: max(0, len(kept) + 1 - _PRIVATE_FILES)]:
            path.unlink(missing_ok=True)
        return cls(folder, 0o600)

    def keep(self, medium: Medium, stem: str) -> Path:
        """Write a file whose name begins with `stem`; returns its path. Raises AtollError,
        AlbumFull when there are too many.
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
            path.unlink(missing_ok=True)  # A part of a picture is none.
            raise
        return path


def _safe(stem: str) -> str:
    """Return a name that is safe in any folder."""
    return re.sub(r"[^\w.-]+", "_", stem, flags=re.ASCII).lstrip(".-")[:64] or "picture"


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
