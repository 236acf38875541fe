"""Finds files that need not be transferred, since the other side has them (`--sync`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from atoll import Context, NotFound, Problem
from atoll_vfolders.entries import Entry, list_entries
from atoll_vfolders.model import Folder
from atoll_vfolders.transfer.local import LocalFile
from atoll_vfolders.transfer.remote import RemoteFile
from atoll_vfolders.transfer.workers import Workers

if TYPE_CHECKING:
    from atoll import Api

_PARALLEL = 8
_ROUNDED = 0.001
"""By how many seconds a time may be rounded in requests."""
_SAME = 1.0
"""Times that differ by less than this, in seconds, count as the same, since file systems store
times with different precision.
"""


async def changed_here(
    context: Context, api: "Api", folder: Folder, files: Sequence[LocalFile]
) -> list[LocalFile]:
    """Return the files that must be uploaded: not those that the folder has with the same size and
    the same or a later time.
    """
    there: dict[PurePosixPath, Mapping[str, Entry]] = {}

    async def look(path: PurePosixPath) -> None:
        there[path] = await _listed(api, folder, path)

    workers = Workers[PurePosixPath](context.output, _PARALLEL)
    with context.output.progress(f"looking at {folder.name} …"):
        await workers.run({file.target.parent for file in files}, look)
    return [file for file in files if not _is_there(file, there.get(file.target.parent, {}))]


async def _listed(api: "Api", folder: Folder, path: PurePosixPath) -> Mapping[str, Entry]:
    try:
        return {entry.name: entry for entry in await list_entries(api, folder, path)}
    except NotFound:
        return {}
    except Problem as problem:
        if problem.status in (401, 403):
            raise
        return {}  # the folder does not exist yet; releases have different errors for that


def _is_there(file: LocalFile, there: Mapping[str, Entry]) -> bool:
    entry = there.get(file.target.name)
    # In the folder, a file has its own time if it was uploaded packed, else the time of the upload.
    is_later = entry is not None and entry.mtime >= file.mtime_ns / 1e9 - _ROUNDED
    return is_later and entry is not None and entry.size == file.size


def changed_there(files: Sequence[RemoteFile], target: Path) -> list[RemoteFile]:
    """Return the files that must be downloaded: not those that exist here with the same size and
    time.
    """
    return [file for file in files if not _is_here(file, target / file.path)]


def _is_here(file: RemoteFile, path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return found.st_size == file.size and abs(found.st_mtime - file.entry.mtime) < _SAME
