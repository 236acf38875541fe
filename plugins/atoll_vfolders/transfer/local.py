"""The files of this machine that a command line names."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path, PurePosixPath

from attrs import Factory, define, frozen

from atoll import AtollError, NotFound, UsageError
from atoll_sessions.api import check_given
from atoll_vfolders.paths import inside


@frozen(kw_only=True)
class LocalFile:
    """A file to upload to `target`, its way in the folder; `identity` changes when it does."""

    path: Path
    target: PurePosixPath
    size: int
    mtime_ns: int
    mode: int
    identity: tuple[int, int]

    @classmethod
    def look(cls, path: Path, target: PurePosixPath) -> "LocalFile | None":
        """Look at a file, or at what a link leads to; None when it is none."""
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return None
        return cls(
            path=path,
            target=target,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            mode=stat.S_IMODE(found.st_mode),
            identity=(found.st_dev, found.st_ino),
        )

    def check_unchanged(self, descriptor: int) -> None:
        """Raise AtollError when the open file is no longer what it was."""
        now = os.fstat(descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise AtollError(f"{self.path} has changed while it was uploaded")


@define
class Tree:
    """What there is to upload: files, folders without any; what was left out and why; and what
    was found in folders, but can't be had.
    """

    files: list[LocalFile] = Factory(list)
    empty_folders: list[PurePosixPath] = Factory(list)
    left_out: list[str] = Factory(list)
    failures: list[AtollError] = Factory(list)

    def add(self, path: Path, target: PurePosixPath) -> None:
        """Add a file, or a folder with all that is in it; links to folders are left out.

        Raises AtollError when `path` itself can't be had.
        """
        try:
            _check_encodable(path)
            if path.is_dir():
                self._add_folder(path, target)
            elif (file := LocalFile.look(path, target)) is not None:
                self.files.append(file)
            else:
                self.left_out.append(f"{path} (no file or folder)")
        except OSError as error:
            raise AtollError(f"{path}: {error.strerror}") from None

    def _add_folder(self, path: Path, target: PurePosixPath) -> None:
        is_empty = True
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            is_empty = False
            below = path / entry.name
            if entry.is_symlink() and (entry.is_dir() or not below.exists()):
                self.left_out.append(f"{below} (a link to a folder, or to nothing)")
            else:
                self._add_found(below, target / entry.name)
        if is_empty:
            self.empty_folders.append(target)

    def _add_found(self, path: Path, target: PurePosixPath) -> None:
        """Add what nobody has named, and what therefore keeps nothing else when it fails."""
        try:
            self.add(path, target)
        except AtollError as error:
            self.failures.append(error)


def _check_encodable(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise AtollError(f"{os.fsencode(path)!r} is not named in Unicode") from None


def collect(names: Sequence[str], base: Path | None, below: PurePosixPath) -> Tree:
    """Find what was named, patterns expanded; it goes to the folder `below` by its way from
    `base`, else from the current folder, or by its name alone when it lies elsewhere.

    Raises NotFound and UsageError before anything has been sent.
    """
    check_given(names)
    tree = Tree()
    root = (base or Path()).resolve()
    for path in _expanded(names, base):
        tree.add(path, below / _way_from(root, path, strict=base is not None))
    _check_distinct(file.target for file in tree.files)
    return tree


def _expanded(names: Iterable[str], base: Path | None) -> Iterator[Path]:
    for name in names:
        path = base / name if base else Path(name)
        try:
            found = _found(path, may_match=has_magic(name))
        except OSError as error:
            raise AtollError(f"{path}: {error.strerror}") from None
        if not found:
            raise NotFound(f"{path}: no such file")
        yield from found


def _found(path: Path, *, may_match: bool) -> list[Path]:
    """Return what goes by a name, else what is there of somebody's home, else what matches it."""
    for one in (path, _at_home(path)):
        if one.exists() or one.is_symlink():
            return [one]
    # Of pathlib's own, none takes a pattern that is absolute.
    matches = glob(str(_at_home(path)), recursive=True) if may_match else []  # noqa: PTH207
    return [Path(match) for match in sorted(matches)]


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # nobody has that name
        return path


def _way_from(root: Path, path: Path, *, strict: bool) -> PurePosixPath:
    # Where the name leads is not asked: a link goes by the name that it was given.
    full = path.parent.resolve() / path.name if path.name not in {"", ".", ".."} else path.resolve()
    if full.is_relative_to(root):
        return inside(str(full.relative_to(root)))
    if strict:
        raise UsageError(f"{path} does not lie below {root}", hint="change --base-dir")
    return inside(full.name)


def _check_distinct(targets: Iterable[PurePosixPath]) -> None:
    seen: set[PurePosixPath] = set()
    for target in targets:
        if target in seen:
            raise UsageError(f"two files would both become {target}")
        seen.add(target)
