"""Uploads many small files in one request, to clusters that accept that.

The embedded cluster accepts it (`POST /folders/{f}/upload-packed`), and keeps times and modes.
Other clusters have no such route; files are uploaded to them one by one.
"""

import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import define

from atoll import AtollError, Problem
from atoll.files import open_deep
from atoll_vfolders.api import request_folder
from atoll_vfolders.model import Folder
from atoll_vfolders.transfer.budget import Budget
from atoll_vfolders.transfer.local import LocalFile
from atoll_vfolders.transfer.progress import Progress
from atoll_vfolders.transfer.retries import RETRIES

if TYPE_CHECKING:
    from atoll import Api

_MIN_FILES = 8
_SMALL = 256 * 1024
"""Files up to this size, in bytes, are packed."""
_MOST_FILES = 250
_MOST_BYTES = 4 * 1024 * 1024
_OVERHEAD = 2048
"""The bytes that an archive may need for each file in addition to its content."""


async def takes_packed(api: "Api", folder: Folder, files: Sequence[LocalFile]) -> bool:
    """Send an empty archive to find out whether the cluster accepts packed files."""
    if sum(file.size <= _SMALL for file in files) < _MIN_FILES:
        return False
    try:
        await _send(api, folder, _archive([]))
    except AtollError:
        return False
    return True


def packs(files: Sequence[LocalFile]) -> Iterator[list[LocalFile]]:
    """Yield groups of files to send together; large ones alone."""
    pack: list[LocalFile] = []
    for file in files:
        if file.size > _SMALL:
            yield [file]
            continue
        if len(pack) == _MOST_FILES or sum(one.size for one in pack) + file.size > _MOST_BYTES:
            yield pack
            pack = []
        pack.append(file)
    if pack:
        yield pack


@define
class Packer:
    """Sends packs. A file that is refused in a pack is sent by itself later, and its error is
    reported then.
    """

    api: "Api"
    folder: Folder
    progress: Progress
    budget: Budget

    async def send(self, pack: Sequence[LocalFile]) -> bool:
        """Send one pack; returns whether it was accepted."""
        size = sum(file.size for file in pack)
        async with self.budget.reserved(size + len(pack) * _OVERHEAD):
            try:
                archive = await trio.to_thread.run_sync(_archive, pack)
            except OSError:
                return False
            try:
                await RETRIES.retry(partial(_send, self.api, self.folder, archive))
            except Problem:
                return False
        self.progress.move(size)
        for file in pack:
            self.progress.finish(file.size)
        return True


async def _send(api: "Api", folder: Folder, archive: bytes) -> None:
    # The request may be repeated: uploading the same files again under the same names changes
    # nothing.
    await request_folder(
        api,
        folder,
        "POST",
        "upload-packed",
        body=archive,
        content_type="application/x-tar",
        safe=True,
    )


def _archive(files: Sequence[LocalFile]) -> bytes:
    """Pack the current content of files; raises OSError."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            with os.fdopen(open_deep(file.path, os.O_RDONLY | os.O_CLOEXEC), "rb") as opened:
                content = opened.read()
            member = tarfile.TarInfo(str(file.target))
            member.size, member.mtime = len(content), file.mtime_ns / 1e9
            member.mode = file.mode
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()
