"""Uploads files into a folder, by tus 1.0.0 (request-upload, then PATCH until all has arrived).

A folder's storage keeps the received part of a file for a while, so an interrupted upload is
resumed, in this process or in a later one. The server returns how much has arrived: newer releases
count only complete requests, older ones every byte.
"""

import os
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping

import trio
from attrs import define, field

from atoll import AtollError, Problem, Unreachable
from atoll.files import open_deep
from atoll.outages import Retrying, is_permanent
from atoll.reading import whole_number
from atoll_vfolders.entries import find_entry
from atoll_vfolders.transfer.budget import Budget
from atoll_vfolders.transfer.local import LocalFile
from atoll_vfolders.transfer.progress import Progress
from atoll_vfolders.transfer.resume import ResumeState, ResumeStore, identity
from atoll_vfolders.transfer.retries import RETRIES
from atoll_vfolders.transfer.storage import Storage, Ticket

_PIECE = 1024 * 1024
_WHOLE = 256 * 1024
"""Files up to this size, in bytes, are sent from memory in one request."""
_SETTLE_TIME = 0.15
"""Seconds for which an offset must stay the same before it is used."""
_WHOLE_REQUESTS = 8
"""The first major version of the API whose storage drops the bytes of an interrupted request."""
_TUS = {"Tus-Resumable": "1.0.0"}
_CONFLICT, _TOO_LARGE, _LOCKED = 409, 413, 423


class _Vanished(Exception):
    """The storage does not know the upload any more: the upload is complete, or was deleted."""


class _Overrun(Exception):
    """The storage has received more bytes than the file has, since two requests have mixed their
    bytes.
    """


@define
class Uploader:
    """Uploads files to one folder.

    `chunk` is how many bytes may be lost with a connection, `request` how many one request carries.
    Older storages keep every byte of a broken request, so that one request may carry the whole
    file.
    """

    storage: Storage
    resume_store: ResumeStore
    progress: Progress
    chunk: int
    budget: Budget
    request: int = field()

    @request.default
    def _largest_budget(self) -> int:
        return self.chunk

    @classmethod
    async def to(
        cls, storage: Storage, resume_store: ResumeStore, progress: Progress, chunk: int
    ) -> "Uploader":
        """Prepare uploads to a folder."""
        keeps_all = (await storage.api.version()).major < _WHOLE_REQUESTS
        request = sys.maxsize if keeps_all else chunk
        return cls(storage, resume_store, progress, chunk, Budget(chunk), request)

    def cost(self, size: int) -> int:
        """Return how many bytes are lost if a request of this size is interrupted."""
        return size if self.request <= self.chunk else min(size, _PIECE)

    async def upload(self, file: LocalFile) -> None:
        """Upload a file; raises AtollError, but keeps the state from which a later upload
        resumes.
        """
        try:
            descriptor = open_deep(file.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise AtollError(f"{file.path}: {error.strerror}") from None
        try:
            if file.size > self.chunk:
                await self._upload_large(file, descriptor)
            else:
                await _FileUpload(self, file, descriptor, None).run()
        except Problem as problem:
            raise _named(file, problem) from None
        finally:
            os.close(descriptor)
        self.progress.finish(file.size)

    async def _upload_large(self, file: LocalFile, descriptor: int) -> None:
        api, folder = self.storage.api, self.storage.folder
        key = identity("up", api.profile.endpoint, folder.id, file.target, file.path.resolve())
        with self.resume_store.open_state(key, str(file.path)) as resume_state:
            await _FileUpload(self, file, descriptor, resume_state).run()


@define
class _FileUpload:
    """The upload of one file."""

    uploader: Uploader
    file: LocalFile
    descriptor: int
    resume_state: ResumeState | None
    offset: int = 0
    done: bool = False
    _shown: int = 0

    async def run(self) -> None:
        """Upload the file to its end; start again if the storage no longer knows the upload."""
        retrying = RETRIES.retrying()
        ticket = self._saved_ticket()
        must_ask = ticket is not None
        while not self.done:
            try:
                ticket = ticket or await self._begin()
                if must_ask:
                    before = self.offset
                    self._set_offset(await self._wait_for_offset(ticket))
                    if self.offset > before:
                        retrying.reset()
                await self._send(ticket, retrying)
            except (_Vanished, _Overrun) as lost:
                if isinstance(lost, _Vanished) and await self._is_there():
                    break
                lost_it = AtollError(f"{self.file.path} could not be uploaded")
                await retrying.wait(lost_it, passes=True)
                ticket, must_ask = None, False
            except (Unreachable, Problem) as error:
                await retrying.wait(error)
                must_ask = ticket is not None
        self._set_offset(self.file.size)
        if self.resume_state is not None:
            self.resume_state.forget()

    async def _begin(self) -> Ticket:
        self._set_offset(0)
        size = self.file.size
        ticket = await self.uploader.storage.ticket("request-upload", self.file.target, size=size)
        if self.resume_state is not None:
            self.resume_state.keep(url=ticket.url, token=ticket.token, **self._facts())
        return ticket

    def _facts(self) -> "Mapping[str, object]":
        file = self.file
        return {"size": file.size, "mtime": file.mtime_ns, "identity": list(file.identity)}

    def _saved_ticket(self) -> Ticket | None:
        """Return the ticket of an earlier upload of exactly this file."""
        facts = dict(self.resume_state.facts) if self.resume_state is not None else {}
        url, token = facts.pop("url", ""), facts.pop("token", "")
        return Ticket(url, token) if url and facts == self._facts() else None

    def _set_offset(self, offset: int) -> None:
        self.offset = offset
        self._show(offset)

    def _show(self, offset: int) -> None:
        self.uploader.progress.move(offset - self._shown)
        self._shown = offset

    async def _send(self, ticket: Ticket, retrying: Retrying) -> None:
        """Send the missing part, chunk by chunk; an empty file is sent as one empty chunk."""
        while True:
            size = min(self.uploader.request, self.file.size - self.offset)
            self.file.check_unchanged(self.descriptor)
            async with self.uploader.budget.reserved(self.uploader.cost(size)):
                self._set_offset(await self._send_chunk(ticket, size, retrying))
            if self.offset > self.file.size:
                raise _Overrun
            if self.offset == self.file.size:
                self.done = True
                return
            retrying.reset()

    async def _send_chunk(self, ticket: Ticket, size: int, retrying: Retrying) -> int:
        """Send one chunk; returns the storage's offset after it."""
        headers = {**_TUS, "Upload-Offset": str(self.offset), **_metadata(self.file)}
        body: bytes | AsyncIterator[bytes]
        if size <= _WHOLE:
            body = os.pread(self.descriptor, size, self.offset)
            self._show(self.offset + size)
        else:
            body, headers["Content-Length"] = self._pieces(size), str(size)
        try:
            async with self.uploader.storage.request(
                "PATCH", ticket, headers=headers, body=body
            ) as answer:
                return _offset(answer.headers, self.offset + size)
        except Problem as problem:
            return await self._after_refusal(ticket, problem, retrying)

    async def _after_refusal(self, ticket: Ticket, problem: Problem, retrying: Retrying) -> int:
        if problem.status in (404, 410):
            raise _Vanished from None
        if problem.status in (_CONFLICT, _LOCKED):
            # On the server, an interrupted request may still lock the upload until the server
            # notices.
            await retrying.wait(problem, passes=True)
            return await self._wait_for_offset(ticket)
        if problem.status == _TOO_LARGE and self.uploader.request > self.uploader.chunk:
            # A proxy on the way may limit the size of requests, and may have refused this one
            # early.
            self.uploader.request = self.uploader.chunk
            return await self._wait_for_offset(ticket)
        raise problem

    async def _pieces(self, size: int) -> AsyncIterator[bytes]:
        end = self.offset + size
        start = self.offset
        while start < end:
            # In a thread, this would cost more than the event loop gains by not waiting for it.
            piece = os.pread(self.descriptor, min(_PIECE, end - start), start)
            if not piece:
                self.file.check_unchanged(self.descriptor)
                raise AtollError(f"{self.file.path} is shorter than it was")
            if start + len(piece) == end:
                # The upload mixes two contents, so it must not be completed.
                self.file.check_unchanged(self.descriptor)
            yield piece
            start += len(piece)
            self._show(start)

    async def _wait_for_offset(self, ticket: Ticket) -> int:
        """Query the storage's offset until all bytes of an interrupted request are written."""
        before, offset = -1, await self._query_offset(ticket)
        while offset != before:
            await trio.sleep(_SETTLE_TIME)
            before, offset = offset, await self._query_offset(ticket)
        return offset

    async def _query_offset(self, ticket: Ticket) -> int:
        try:
            async with self.uploader.storage.request("HEAD", ticket, headers=_TUS) as answer:
                return _offset(answer.headers)
        except Problem as problem:
            if problem.status >= 500:
                raise Unreachable(str(problem), permanent=is_permanent(problem)) from None
            raise _Vanished from None

    async def _is_there(self) -> bool:
        """Tell whether the storage does not know the upload because it is complete.

        The answer to the last request may have been lost; then only the folder's listing shows it.
        """
        if self._shown < self.file.size:
            return False
        storage = self.uploader.storage
        entry = await find_entry(storage.api, storage.folder, self.file.target)
        return entry is not None and entry.size == self.file.size


def _offset(headers: Mapping[str, str], expected: int | None = None) -> int:
    """Return how much of a file the storage has; some storages omit this number if it is as
    `expected`.
    """
    offset = whole_number(headers.get("upload-offset", "" if expected is None else str(expected)))
    if offset is None:
        raise AtollError("the storage proxy does not report how much of the file has arrived")
    return offset


def _metadata(file: LocalFile) -> "Mapping[str, str]":
    """Return metadata that marks executable files for the embedded cluster; others ignore it."""
    if not file.mode & 0o111:
        return {}
    return {"Upload-Metadata": f"mode {b64encode(f'{file.mode & 0o777:o}'.encode()).decode()}"}


def _named(file: LocalFile, problem: Problem) -> Problem:
    """Name the file in the error, since the storage's message may not contain the name."""
    full = problem.status == 507 or "no space" in problem.message.lower()
    reason = "the storage has no room for it" if full else problem.message
    # The usual hint for this error is about sessions.
    hint = "" if full or problem.type == "quota-exceeded" else problem.hint
    return type(problem)(
        f"{file.path}: {reason}",
        hint=hint,
        status=problem.status,
        type=problem.type,
        data=problem.data,
    )
