"""Downloads files of a folder, by ranged requests (request-download, then GET).

A small file is downloaded into memory. A large one is written under a temporary name, and resumed
if its length, ETag and time in the storage are still the same.
"""

import io
from collections.abc import Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import trio
from attrs import define

from atoll import AtollError, NotFound, Problem, Unreachable
from atoll.files import SafeFolder
from atoll.reading import whole_number
from atoll.transport import ConnectionLost
from atoll_vfolders.transfer.budget import Budget
from atoll_vfolders.transfer.partial_files import PartialFile, open_partial
from atoll_vfolders.transfer.progress import Progress
from atoll_vfolders.transfer.remote import RemoteFile
from atoll_vfolders.transfer.resume import ResumeState, ResumeStore, identity
from atoll_vfolders.transfer.retries import RETRIES
from atoll_vfolders.transfer.storage import Storage

if TYPE_CHECKING:
    from atoll.transport import Response

SMALL = 1024 * 1024
_WRITE = 1024 * 1024


class Changed(AtollError):
    """The file has changed since it was listed."""


@define
class Downloader:
    """Downloads files of one folder to a place below `target`."""

    storage: Storage
    resume_store: ResumeStore
    progress: Progress
    target: SafeFolder
    chunk: int
    budget: Budget

    async def download(self, file: RemoteFile) -> None:
        """Download a file; raises AtollError, but keeps the part of a large file that has
        arrived.
        """
        try:
            if file.size <= SMALL:
                await self._download_small(file)
            else:
                await self._download_large(file)
        except Problem as problem:
            if problem.status == 404:
                raise NotFound(f"{file.path} does not exist any more") from None
            raise
        self.progress.finish(file.size)

    async def _download_small(self, file: RemoteFile) -> None:
        self.place(file, await RETRIES.retry(partial(self._fetch, file)))

    async def _fetch(self, file: RemoteFile) -> bytes:
        async with self.budget.reserved(file.size):
            ticket = await self.storage.ticket("request-download", file.path, archive=False)
            async with self.storage.request("GET", ticket) as answer:
                content = await read_bounded(answer, file.size)
        if len(content) != file.size:
            raise Changed(f"{file.path} has changed while it was downloaded")
        return content

    def place(self, file: RemoteFile, content: bytes) -> None:
        """Write a complete file."""
        entry = file.entry
        self.target.write(file.path, io.BytesIO(content), mode_of(file), entry.mtime)
        self.progress.move(len(content))

    async def _download_large(self, file: RemoteFile) -> None:
        api, folder = self.storage.api, self.storage.folder
        whole = PurePosixPath(self.target.root.resolve()) / file.path
        facts = (api.profile.endpoint, folder.id, whole, file.path, file.size, file.entry.modified)
        key = identity("down", *facts)
        with (
            self.resume_store.open_state(key, str(file.path)) as resume_state,
            open_partial(self.target, file.path, key) as partial,
        ):
            try:
                await _LargeDownload(self, file, partial, resume_state).run()
            except OSError:
                # The disk is full: an unfinished download shall not use up the space that is left.
                partial.drop()
                resume_state.forget()
                raise
            resume_state.forget()


@define
class _LargeDownload:
    """The download of one large file."""

    downloader: Downloader
    file: RemoteFile
    partial: PartialFile
    resume_state: ResumeState
    _shown: int = 0

    async def run(self) -> None:
        """Download the file to its end."""
        if not self.resume_state.facts or self.partial.size > self.file.size:
            self.partial.restart()
        retrying = RETRIES.retrying()
        while self.partial.size < self.file.size:
            self._show()
            before = self.partial.size
            try:
                await self._continue()
            except (Unreachable, Problem) as error:
                if self.partial.size > before:
                    retrying.reset()
                await retrying.wait(error)
        self._show()
        self.partial.finish(mode_of(self.file), self.file.entry.mtime)

    async def _continue(self) -> None:
        storage = self.downloader.storage
        ticket = await storage.ticket("request-download", self.file.path, archive=False)
        headers = {}
        if self.partial.size:
            headers["Range"] = f"bytes={self.partial.size}-"
            if since := self.resume_state.facts.get("last_modified"):
                headers["If-Range"] = since
        async with storage.request("GET", ticket, headers=headers) as answer:
            self._check(answer)
            await self._receive(answer)

    def _check(self, answer: "Response") -> None:
        """Check that the answer continues the part that was already downloaded; raises Changed."""
        facts = _facts(answer.headers)
        if answer.status == 206 and _range(answer.headers) == (self.partial.size, self.file.size):
            etag = self.resume_state.facts.get("etag")
            if not etag or facts["etag"] == etag:
                return
        if answer.status == 206:
            self.partial.restart()
            raise Changed(f"{self.file.path} has changed while it was downloaded")
        self.partial.restart()
        length = answer.headers.get("content-length")
        if length is not None and whole_number(length) != self.file.size:
            raise Changed(f"{self.file.path} has changed while it was downloaded")
        self.resume_state.keep(**facts)

    async def _receive(self, answer: "Response") -> None:
        """Write the answer, several pieces at a time."""
        pieces: list[bytes] = []
        waiting = 0
        try:
            async for piece in answer.chunks():
                pieces.append(piece)
                waiting += len(piece)
                if waiting >= _WRITE:
                    self._write(pieces, waiting)
                    pieces, waiting = [], 0
        finally:
            self._write(pieces, waiting)
        if self.partial.size < self.file.size:
            raise ConnectionLost(f"the download of {self.file.path} was interrupted")

    def _write(self, pieces: list[bytes], size: int) -> None:
        # In a thread, this would cost more than the event loop gains by not waiting for it.
        if self.partial.size + size > self.file.size:
            raise Changed(f"{self.file.path} is longer than it was")
        self.partial.write(pieces)
        self._show()

    def _show(self) -> None:
        self.downloader.progress.move(self.partial.size - self._shown)
        self._shown = self.partial.size


def _facts(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        "etag": headers.get("etag", ""),
        "last_modified": headers.get("last-modified", ""),
    }


def _range(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the start of a partial answer, and the length of the whole file."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    span, _, total = rest.partition("/")
    start = span.partition("-")[0]
    first, size = whole_number(start), whole_number(total)
    return (first, size) if unit == "bytes" and first is not None and size is not None else None


def mode_of(file: RemoteFile) -> int:
    """Return a file's mode without set-id bits, and without write permission for anybody but the
    owner.
    """
    return file.entry.bits & 0o755 | 0o600


async def read_bounded(answer: "Response", most: int) -> bytes:
    """Read an answer; raises Changed if it is longer than expected."""
    body = bytearray()
    with trio.CancelScope() as enough:
        async for piece in answer.chunks():
            body += piece
            if len(body) > most:
                # The loop is not left by `break`: the generator would then be closed while it waits
                # for data.
                enough.cancel()
    if enough.cancel_called:
        raise Changed("the cluster sends more than it lists")
    return bytes(body)
