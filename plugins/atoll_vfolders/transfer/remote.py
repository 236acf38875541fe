"""Finds the files of a folder that a command line names."""

import os
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define, frozen

from atoll import AtollError, NotAuthorized, NotFound, Problem
from atoll.files import LONGEST_PATH, check_given, stays_below
from atoll_vfolders.entries import Entry, find_entry, list_entries
from atoll_vfolders.model import Folder
from atoll_vfolders.paths import folder_path

if TYPE_CHECKING:
    from atoll import Api

_PARALLEL = 8
TOP = PurePosixPath()


@frozen
class RemoteFile:
    """A file in a folder."""

    path: PurePosixPath
    entry: Entry

    @property
    def size(self) -> int:
        """Its size in bytes, as the folder lists it."""
        return self.entry.size


@define
class RemoteTree:
    """What to download: files, links with their targets, and all folders. Also what was left out,
    with the reason, and the listed entries that can't be downloaded.
    """

    files: list[RemoteFile] = Factory(list)
    links: dict[PurePosixPath, str] = Factory(dict)
    folders: set[PurePosixPath] = Factory(set)
    left_out: list[str] = Factory(list)
    failures: list[AtollError] = Factory(list)

    def add(self, path: PurePosixPath, entry: Entry) -> bool:
        """Add one entry; returns whether its content should be added as well."""
        if entry.is_folder:
            is_new = path not in self.folders
            self.folders.add(path)
            return is_new
        if entry.is_file:
            self.files.append(RemoteFile(path, entry))
        elif entry.target is None:
            self.left_out.append(f"{path} (a link, or no file)")
        elif stays_below(entry.target, len(path.parts) - 1):
            self.links[path] = entry.target
        else:
            self.left_out.append(f"{path} (a link to {entry.target}, which is not in the folder)")
        return False


@define
class RemoteWalk:
    """Lists a folder recursively, several levels at a time."""

    api: "Api"
    folder: Folder
    tree: RemoteTree = Factory(RemoteTree)
    _limit: trio.CapacityLimiter = Factory(lambda: trio.CapacityLimiter(_PARALLEL))
    _error: AtollError | None = None

    async def walk(self, path: PurePosixPath, entry: Entry) -> None:
        """Add a file, or a folder with everything in it."""
        if not self.tree.add(path, entry):
            return
        async with trio.open_nursery() as nursery:
            await self._enter(path, nursery)
        if self._error is not None:
            raise self._error

    async def _enter(self, path: PurePosixPath, nursery: trio.Nursery) -> None:
        if len(os.fsencode(path)) > LONGEST_PATH:
            self.tree.failures.append(AtollError(f"{str(path)[:60]}…: the path is too long"))
            return
        try:
            async with self._limit:
                entries = await list_entries(self.api, self.folder, path)
        except AtollError as error:
            if isinstance(error, NotFound | Problem) and not isinstance(error, NotAuthorized):
                # The folder was deleted or closed to the user meanwhile, or its name is not text
                # and the cluster has listed another name.
                self.tree.failures.append(error)
            else:
                self._error = self._error or error
                nursery.cancel_scope.cancel()
            return
        for entry in entries:
            if self.tree.add(path / entry.name, entry):
                nursery.start_soon(self._enter, path / entry.name, nursery)


async def find_remote(api: "Api", folder: Folder, names: Sequence[str]) -> RemoteTree:
    """Find the named files, with patterns expanded; without names, all files. Raises NotFound and
    UsageError.
    """
    check_given(names)
    walk = RemoteWalk(api, folder)
    for name in names or ["."]:
        found = [one async for one in _named(api, folder, name)]
        if not found:
            raise NotFound(f"{name}: no such file in {folder.name}")
        for path, entry in found:
            await walk.walk(path, entry)
    files = {file.path: file for file in walk.tree.files}
    walk.tree.files = [files[path] for path in sorted(files)]
    return walk.tree


async def _named(
    api: "Api", folder: Folder, name: str
) -> AsyncIterator[tuple[PurePosixPath, Entry]]:
    path = folder_path(name)
    entry = await find_entry(api, folder, path)
    if entry is not None:
        yield path, entry
    elif has_magic(name):
        async for one in _matching(api, folder, TOP, path.parts):
            yield one


async def _matching(
    api: "Api", folder: Folder, above: PurePosixPath, parts: Sequence[str]
) -> AsyncIterator[tuple[PurePosixPath, Entry]]:
    """Yield the entries that match a pattern, level by level; `**` matches any number of levels."""
    first, rest = parts[0], parts[1:]
    if first == "**" and rest:
        async for one in _matching(api, folder, above, rest):
            yield one
    for entry in await list_entries(api, folder, above):
        path = above / entry.name
        if first == "**" and entry.is_folder:
            async for one in _matching(api, folder, path, parts):
                yield one
        elif _fits(entry.name, first) and not rest:
            yield path, entry
        elif _fits(entry.name, first) and entry.is_folder:
            async for one in _matching(api, folder, path, rest):
                yield one


def _fits(name: str, pattern: str) -> bool:
    hidden = name.startswith(".") and not pattern.startswith(".")
    return not hidden and fnmatchcase(name, pattern)
