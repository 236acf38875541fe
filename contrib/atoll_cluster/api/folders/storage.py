"""The storage endpoint: uploads (tus 1.0.0) and downloads (ranges, zip), with tokens.

These requests have no signature; the token in the query says which file a request may access.
"""

import os
import stat
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from attrs import frozen
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from atoll_cluster.api.folders.disk import explained, on_disk, place
from atoll_cluster.api.folders.files import ARCHIVE, DOWNLOAD, UPLOAD
from atoll_cluster.api.folders.limits import check_room
from atoll_cluster.api.request.bodies import CORS, FileResponse, disposition
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem
from atoll_cluster.storage.archive import pack
from atoll_cluster.storage.tokens import TokenError
from atoll_cluster.storage.tree import Tree
from atoll_cluster.storage.uploads import NoUploadError, Upload, UploadConflictError
from atoll_cluster.store.folders import VFolder

_TUS = {"Tus-Resumable": "1.0.0", "Cache-Control": "no-store"}
_MAX_SIZE = 2**62


@frozen
class Grant:
    """The content of a token: it allows an operation on a path in a folder."""

    claims: dict[str, Any]
    folder: VFolder
    tree: Tree

    @property
    def path(self) -> str:
        """The path in the folder."""
        return str(self.claims["relpath"])


def _grant(call: Call, operation: str) -> Grant:
    """Read the token of a request; raises Problem 400 if it is invalid, 429 after too many."""
    storage = call.cluster.storage
    try:
        claims = storage.signer.read(call.params.text("token") or "", operation)
    except TokenError as error:
        call.attempts.tokens.take(call.address)
        raise _bad(str(error)) from error
    folder = call.cluster.store.folders.get(claims["vfid"].rpartition("/")[2])
    if folder is None:
        raise Problem(
            404, "storage/file-not-found", "File not found.", "the folder does not exist any more"
        )
    return Grant(claims, folder, Tree(place(storage.volume, folder)))


def _bad(why: str) -> Problem:
    return Problem(400, "storage/invalid-api-params", "Invalid parameters.", why)


async def about(_: Call) -> Response:
    """`GET /storage`: what serves this endpoint."""
    return reply({"status": "ok", "type": "client-facing", "storage-proxy": "atoll"})


async def options(_: Call) -> Response:
    """`OPTIONS /storage/upload`: the supported features of tus."""
    headers = {"Tus-Version": "1.0.0", "Tus-Max-Size": str(_MAX_SIZE)}
    return Response(
        status_code=204, headers=_TUS | CORS | headers | {"X-Content-Type-Options": "nosniff"}
    )


async def upload(call: Call) -> Response:
    """`HEAD /storage/upload`: how many bytes have arrived; `PATCH`: receive more bytes.

    Bytes that arrived before a connection broke are kept. When the file is complete, it appears in
    its folder, and the upload does not exist any more.
    """
    grant = _grant(call, UPLOAD)
    if call.params.text("dst_dir"):
        raise _bad(
            f"the token is for {grant.path!r} only; give the folder when you request the token"
        )
    uploads = call.cluster.storage.uploads
    try:
        found = uploads.get(grant.claims["session"], grant.claims["size"])
        if call.request.method == "HEAD":
            await uploads.wait_until_idle(found)
            return _standing(found, found.received, 200)
        offset = _offset(call.request)
        async with uploads.reserved(found):
            with explained(grant.path):
                received = await uploads.append(found, offset, _body(call.request))
            if received >= found.size:
                await _finish(call, grant, found)
        return _standing(found, received, 204)
    except NoUploadError:
        raise Problem(
            404, "storage/no-such-upload-session", "No such upload session.", "start it again"
        ) from None
    except UploadConflictError as error:
        raise Problem(409, "storage/upload-conflict", "Upload conflict.", str(error)) from error


async def _finish(call: Call, grant: Grant, found: Upload) -> None:
    """Move a complete file to its path; raises Problem 413 if a quota has no room any more."""
    path = grant.path
    await check_room(call.cluster, grant.folder, found.size, path)
    replaced = await on_disk(lambda: grant.tree.size_of_file(path), path)
    found.path.chmod(_mode(call.request))
    await on_disk(lambda: grant.tree.import_file(found.path, path), path)
    call.cluster.storage.sizes.add(grant.tree.root, found.size - replaced)


def _standing(found: Upload, received: int, status: int) -> Response:
    offsets = {"Upload-Offset": str(received), "Upload-Length": str(found.size)}
    return Response(status_code=status, headers=_TUS | CORS | offsets)


def _mode(request: Request) -> int:
    """Return the permission bits of a new file; the client can make it executable."""
    for pair in request.headers.get("upload-metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        with suppress(ValueError):
            if key == "mode":
                return int(b64decode(value, validate=True), 8) & 0o111 | 0o644
    return 0o644


def _offset(request: Request) -> int:
    text = request.headers.get("upload-offset", "")
    if not text.isdecimal() or len(text) > 20:
        raise _bad("the header Upload-Offset must be a whole number")
    return int(text)


async def _body(request: Request) -> AsyncIterator[bytes]:
    """Yield the pieces of the body until its end, or until the connection breaks."""
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect:
        return


async def download(call: Call) -> Response:
    """`GET` and `HEAD /storage/download`: a file, a range of it, or a folder as a zip archive."""
    grant = _grant(call, DOWNLOAD)
    descriptor = await on_disk(lambda: _open(grant), grant.path)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        try:
            return FileResponse(descriptor, PurePosixPath(grant.path).name, call.request)
        except BaseException:
            os.close(descriptor)
            raise
    os.close(descriptor)
    if not stat.S_ISDIR(status.st_mode):
        raise _bad(f"{grant.path!r} is neither a file nor a folder")
    if not call.params.boolean("archive", default=bool(grant.claims.get("archive"))):
        raise _bad(f"{grant.path!r} is a folder; request it with archive=true")
    name = PurePosixPath(grant.path).name or "folder"
    return _zip(pack(grant.tree, [grant.path], grant.path), f"{name}.zip")


def _open(grant: Grant) -> int:
    with grant.tree.opened(grant.path) as descriptor:
        return os.dup(descriptor)


async def download_archive(call: Call) -> Response:
    """`GET /storage/download-archive`: several files and folders in one zip archive."""
    grant = _grant(call, ARCHIVE)
    return _zip(pack(grant.tree, grant.claims["files"]), grant.claims["filename"])


def _zip(pieces: Iterator[bytes], name: str) -> Response:
    headers = CORS | {"Content-Disposition": disposition(name)}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


ROUTES: Routes = (
    route("GET", "/storage", about, public=True, raw=True),
    route("OPTIONS", "/storage/upload", options, public=True, raw=True),
    route("HEAD PATCH", "/storage/upload", upload, public=True, raw=True),
    route("GET", "/storage/download", download, public=True, raw=True),
    route("GET", "/storage/download-archive", download_archive, public=True, raw=True),
)
