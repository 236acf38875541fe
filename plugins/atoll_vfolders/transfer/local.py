"""Finds the files of this machine that a command line names."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path, PurePosixPath

from attrs import Factory, define, frozen

from atoll import AtollError, NotFound, UsageError
from atoll.files import LONGEST_PATH, check_given, is_text, no_text, walk
from atoll_vfolders.paths import folder_path


@frozen(kw_only=True)
class LocalFile:
    """A file to upload. `target` is its path in the folder; `identity` changes when the file
    changes.
    """

    path: Path
    target: PurePosixPath
    size: int
    mtime_ns: int
    mode: int
    identity: tuple[int, int]

    @classmethod
    def of(cls, path: Path, target: PurePosixPath, found: os.stat_result) -> "LocalFile | None":
        """Return the file at a path; None if it is not a regular file."""
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
        """Raise AtollError if the open file has changed."""
        now = os.fstat(descriptor)
        if (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns):
            raise AtollError(f"{self.path} has changed while it was uploaded")


@define
class LocalTree:
    """What to upload: files, and empty folders. Also what was left out, with the reason, and the
    files in folders that can't be read.
    """

    files: list[LocalFile] = Factory(list)
    empty_folders: list[PurePosixPath] = Factory(list)
    left_out: list[str] = Factory(list)
    failures: list[AtollError] = Factory(list)

    def add(self, path: Path, target: PurePosixPath) -> None:
        """Add a file, or a folder with all its files; links to folders are left out.

        Raises AtollError if `path` itself can't be read.
        """
        try:
            if path.is_dir():
                self._add_folder(path, target)
            else:
                self._add_file(path, target, path.stat())
        except OSError as error:
            raise AtollError(f"{path}: {error.strerror}") from None

    def _add_folder(self, folder: Path, target: PurePosixPath) -> None:
        depth = len(folder.parts)
        for found in walk(folder, self.failures.append):
            place = target.joinpath(*found.path.parts[depth:])
            if len(os.fsencode(place)) > LONGEST_PATH:
                self.failures.append(AtollError(f"{str(found.path)[:60]}…: the path is too long"))
            elif found.is_folder:
                self.empty_folders.append(place)
            elif found.status is None or stat.S_ISDIR(found.status.st_mode):
                self.left_out.append(f"{found.path} (a link to a folder, or to nothing)")
            else:
                self._add_file(found.path, place, found.status)

    def _add_file(self, path: Path, target: PurePosixPath, status: os.stat_result) -> None:
        if (file := LocalFile.of(path, target, status)) is not None:
            self.files.append(file)
        else:
            self.left_out.append(f"{path} (no file or folder)")

    def leave_out_unnamable(self) -> None:
        """Leave out files whose names are not valid text, for clusters that don't accept them."""
        unnamable = [file for file in self.files if not is_text(str(file.target))]
        folders = [one for one in self.empty_folders if not is_text(str(one))]
        self.failures += map(no_text, [*(str(file.path) for file in unnamable), *map(str, folders)])
        self.files = [file for file in self.files if is_text(str(file.target))]
        self.empty_folders = [one for one in self.empty_folders if is_text(str(one))]


def find_local(names: Sequence[str], base: Path | None, below: PurePosixPath) -> LocalTree:
    """Find the named files; patterns are expanded. A file's path in the folder is `below` and then
    its path relative to `base`, or to the current folder without `base`; a file outside of that has
    only its name there.

    Raises NotFound and UsageError before anything has been sent.
    """
    check_given(names)
    tree = LocalTree()
    root = (base or Path()).resolve()
    for path in _expanded(names, base):
        tree.add(path, below / _relative_path(root, path, strict=base is not None))
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
    """Return the files for a name: an existing file, a file below a user's home (`~`), or the
    matches of a pattern.
    """
    for one in (path, _expand_home(path)):
        if one.exists() or one.is_symlink():
            return [one]
    # No function of pathlib accepts an absolute pattern.
    matches = glob(str(_expand_home(path)), recursive=True) if may_match else []  # noqa: PTH207
    return [Path(match) for match in sorted(matches)]


def _expand_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # there is no user of that name
        return path


def _relative_path(root: Path, path: Path, *, strict: bool) -> PurePosixPath:
    # Links are not resolved, since a link is uploaded under the name that the user has given.
    full = path.parent.resolve() / path.name if path.name not in {"", ".", ".."} else path.resolve()
    if full.is_relative_to(root):
        return folder_path(str(full.relative_to(root)))
    if strict:
        raise UsageError(f"{path} is not below {root}", hint="change --base-dir")
    return folder_path(full.name)


def _check_distinct(targets: Iterable[PurePosixPath]) -> None:
    seen: set[PurePosixPath] = set()
    for target in targets:
        if target in seen:
            raise UsageError(f"two files would have the same path {target}")
        seen.add(target)
