"""Receive files in pieces; a file appears in its folder when it is complete."""

import contextlib
import itertools
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread
from attrs import field, frozen

from atoll_cluster.storage.tokens import LIFETIME
from atoll_cluster.storage.volume import Volume

_PIECE = 1024 * 1024
"""How many bytes are collected before they are written, because network pieces are small."""

_SWEEP_EVERY = 1000
"""After this many new uploads, expired ones are deleted."""

_TIMEOUT = 2.0
"""Seconds to wait for another request that still sends the same file."""


class NoUploadError(Exception):
    """There is no such upload: it is complete, was deleted, or never existed."""


class UploadConflictError(Exception):
    """A piece does not fit the state of the upload; the text says why."""


@frozen
class Upload:
    """An upload in progress; `size` is the number of bytes of the whole file."""

    session: str
    size: int
    path: Path

    @property
    def received(self) -> int:
        """The number of bytes that have arrived; raises NoUploadError."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            raise NoUploadError from None


@frozen
class Uploads:
    """The uploads in progress, kept on disk so that clients can resume them after a restart."""

    volume: Volume
    _busy: dict[str, anyio.Event] = field(factory=dict)
    _begun: Iterator[int] = field(factory=itertools.count)

    def begin(self) -> str:
        """Start an upload; returns its id."""
        if next(self._begun) % _SWEEP_EVERY == 0:
            self.delete_expired()
        session = secrets.token_hex(16)
        begun = self.volume.uploads / session
        begun.touch()
        begun.chmod(0o644)  # the mode of the file in its folder
        return session

    def get(self, session: str, size: int) -> Upload:
        """Return an upload; raises NoUploadError."""
        upload = Upload(session, size, self.volume.uploads / session)
        assert upload.received >= 0  # noqa: S101 - raises if there is no such upload
        return upload

    async def wait_until_idle(self, upload: Upload) -> bool:
        """Wait briefly until no request writes to an upload; returns whether none does.

        If a client reconnects at once, its previous request may not have ended yet.
        """
        with anyio.move_on_after(_TIMEOUT):
            while busy := self._busy.get(upload.session):
                await busy.wait()
        return upload.session not in self._busy

    @asynccontextmanager
    async def reserved(self, upload: Upload) -> AsyncIterator[None]:
        """Reserve an upload; raises UploadConflictError if another request uses it."""
        if not await self.wait_until_idle(upload):
            raise UploadConflictError("another request is sending this file now")
        self._busy[upload.session] = done = anyio.Event()
        try:
            yield
        finally:
            del self._busy[upload.session]
            done.set()

    async def append(self, upload: Upload, offset: int, pieces: AsyncIterator[bytes]) -> int:
        """Append pieces; `offset` must be the number of bytes received so far. Returns the new one.

        Bytes that arrive before the client's connection breaks are kept. Raises UploadConflictError
        for another offset or for more bytes than announced, and OSError when the disk is full.
        """
        if offset != (received := upload.received):
            raise UploadConflictError(f"the upload is at offset {received}, not {offset}")
        descriptor = os.open(upload.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            writer = _Writer(descriptor, upload.size - received)
            try:
                async for piece in pieces:
                    await writer.write(piece)
            finally:
                await writer.flush()
            return received + writer.written
        finally:
            os.close(descriptor)

    def delete_expired(self) -> None:
        """Delete uploads whose tokens have all expired."""
        limit = time.time() - LIFETIME
        for path in self.volume.uploads.iterdir():
            with contextlib.suppress(OSError):  # It was removed meanwhile, or is not a file.
                if path.stat().st_mtime < limit:
                    path.unlink()


class _Writer:
    """Collects small pieces, and writes them together in a worker thread."""

    def __init__(self, descriptor: int, room: int) -> None:
        self._descriptor = descriptor
        self._room = room
        self._pieces: list[bytes] = []
        self._gathered = 0
        self.written = 0

    async def write(self, piece: bytes) -> None:
        if len(piece) > self._room:
            raise UploadConflictError("more bytes were sent than announced")
        self._room -= len(piece)
        self._pieces.append(piece)
        self._gathered += len(piece)
        if self._gathered >= _PIECE:
            await self.flush()

    async def flush(self) -> None:
        pieces, self._pieces, self._gathered = self._pieces, [], 0
        if pieces:
            # Shielded from cancellation, so that the offset that clients ask for is complete.
            with anyio.CancelScope(shield=True):
                self.written += await anyio.to_thread.run_sync(
                    _write_all, self._descriptor, b"".join(pieces)
                )


def _write_all(descriptor: int, content: bytes) -> int:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    return len(content)
