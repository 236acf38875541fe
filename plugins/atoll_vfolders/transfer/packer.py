"""Uploading many small files in one request, to clusters that accept that.

The embedded cluster does (`POST /folders/{f}/upload-packed`), and keeps times and modes. Others
have no such route; they get file by file.
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

_FEWEST = 8
_SMALL = 256 * 1024
"""Files up to this size are worth it, in bytes."""
_MOST_FILES = 250
_MOST_BYTES = 4 * 1024 * 1024
_OVERHEAD = 2048
"""What an archive may need for each file beside its bytes."""


async def takes_packed(api: "Api", folder: Folder, files: Sequence[LocalFile]) -> bool:
    """Tell whether the cluster accepts packed files: an empty archive is sent to find out."""
    if sum(file.size <= _SMALL for file in files) < _FEWEST:
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
    """Sends packs; a file that is refused in one is sent by itself later, and gives its error
    then.
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
    # The same files under the same names: doing it twice does no harm.
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
    """Pack files, as they are now; raises OSError."""
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
