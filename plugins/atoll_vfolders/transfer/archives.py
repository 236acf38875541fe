"""Downloads whole folders of small files, each folder in one archive: two requests return thousands
of files.

The download of an archive (`GET …?archive=true` of the storage) can't be resumed, so the size of an
archive is limited to what may be lost with a connection. A file in it is accepted only if its name
and size are the same as in the folder's listing; all other files are downloaded one by one.
"""

import io
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import PurePosixPath

from attrs import define, field, frozen

from atoll import AtollError, Problem
from atoll_vfolders.transfer.downloader import Changed, Downloader, read_bounded
from atoll_vfolders.transfer.remote import RemoteFile, RemoteTree
from atoll_vfolders.transfer.retries import RETRIES

_MIN_FILES = 8
_SMALL = 256 * 1024
"""The largest average size of files, in bytes, for which an archive is worthwhile."""
_OVERHEAD = 1024
"""The bytes that an archive may need for each file in addition to its content."""


@frozen
class Batch:
    """Files that are downloaded together: all files of a folder, or a single file."""

    folder: PurePosixPath | None
    files: Sequence[RemoteFile]

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)


def batches(tree: RemoteTree, wanted: Sequence[RemoteFile], most: int) -> list[Batch]:
    """Group files: a group is all files of a folder, up to `most` bytes, or a single file."""
    chosen = _chosen_folders(tree, wanted, most)
    together: dict[PurePosixPath, list[RemoteFile]] = defaultdict(list)
    alone = []
    for file in wanted:
        folder = chosen.get(file.path.parent)
        if folder is None:
            alone.append(Batch(None, [file]))
        else:
            together[folder].append(file)
    return [*(Batch(folder, files) for folder, files in together.items()), *alone]


def _chosen_folders(
    tree: RemoteTree, wanted: Sequence[RemoteFile], most: int
) -> dict[PurePosixPath, PurePosixPath]:
    """Choose folders for which an archive is worthwhile, and which contain only wanted files.

    Returns a map of each folder inside them to the chosen folder whose archive contains it.
    """
    everything, counts, sizes = _sums(tree.files), _sums(wanted), _sums(wanted, sizes=True)
    fit = {
        folder
        for folder, count in counts.items()
        if folder in tree.folders
        and count == everything[folder]
        and count >= _MIN_FILES
        and sizes[folder] <= min(most - count * _OVERHEAD, count * _SMALL)
    }
    chosen: dict[PurePosixPath, PurePosixPath] = {}
    for folder in sorted(counts, key=_depth):
        if (above := chosen.get(folder.parent)) is not None:
            chosen[folder] = above
        elif folder in fit:
            chosen[folder] = folder
    return chosen


def _sums(files: Sequence[RemoteFile], *, sizes: bool = False) -> dict[PurePosixPath, int]:
    """Add up the sizes of the files in each folder and all folders below it: the deepest folders
    are added first.
    """
    sums: dict[PurePosixPath, int] = defaultdict(int)
    for file in files:
        sums[file.path.parent] += file.size if sizes else 1
    levels: dict[int, set[PurePosixPath]] = defaultdict(set)
    for folder in sums:
        levels[_depth(folder)].add(folder)
    for depth in range(max(levels, default=0), 0, -1):
        for folder in levels[depth]:
            sums[folder.parent] += sums[folder]
            levels[depth - 1].add(folder.parent)
    return sums


def _depth(folder: PurePosixPath) -> int:
    return len(folder.parts)


@define
class Archives:
    """Downloads batches as archives; if the storage can't pack archives, file by file."""

    downloader: Downloader
    packs: bool = field(default=True)

    async def fetch(self, batch: Batch) -> list[RemoteFile]:
        """Download the files of one archive; returns the files that must be downloaded one by
        one.
        """
        if batch.folder is None or not self.packs:
            return list(batch.files)
        try:
            fetch = partial(self._archive, batch, batch.folder)
            content = await RETRIES.retry(fetch)
        except Problem as problem:
            self.packs = problem.status in (401, 403, 404)
            return list(batch.files)
        except Changed:
            return list(batch.files)
        return self._unpack(batch, batch.folder, content)

    async def _archive(self, batch: Batch, folder: PurePosixPath) -> bytes:
        storage = self.downloader.storage
        most = batch.size + len(batch.files) * _OVERHEAD + 65536
        async with self.downloader.budget.reserved(most):
            ticket = await storage.ticket("request-download", folder, archive=True)
            async with storage.request("GET", ticket, query=(("archive", "true"),)) as answer:
                return await read_bounded(answer, most)

    def _unpack(self, batch: Batch, folder: PurePosixPath, content: bytes) -> list[RemoteFile]:
        missing = []
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for file in batch.files:
                    found = _member(archive, str(file.path.relative_to(folder)), file.size)
                    if found is None:
                        missing.append(file)
                        continue
                    self.downloader.place(file, found)
                    self.downloader.progress.finish(file.size)
        except AtollError:
            raise
        except Exception:  # noqa: BLE001  # fed by a stranger, the parser may stumble over anything
            self.packs = False
            return list(batch.files)
        return missing


def _member(archive: zipfile.ZipFile, name: str, size: int) -> bytes | None:
    """Return a file of an archive if it has the expected size; its checksum is verified."""
    if "\N{REPLACEMENT CHARACTER}" in name:
        return None  # this name replaces all names that are not text
    try:
        info = archive.getinfo(name)
    except KeyError:
        return None
    if info.file_size != size:
        return None
    with archive.open(info) as file:
        content = file.read(size + 1)
    return content if len(content) == size else None
