"""Upload many small files in one request, as a tar archive (an addition of this cluster).

The usual upload takes two requests for each file, even a small one. If another cluster answers 404
or 405 to this request, the client uses the usual upload.
"""

import io
import os
import secrets
import tarfile
from collections.abc import Sequence

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response

from atoll_cluster.api.folders.access import named
from atoll_cluster.api.folders.disk import explained, on_disk
from atoll_cluster.api.folders.files import tree_of
from atoll_cluster.api.folders.limits import check_disk, check_permission, check_room
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.storage.tree import Tree, names_of
from atoll_cluster.storage.volume import Volume

_MOST = 64 * 1024 * 1024
"""The most bytes of an archive."""
_LATEST = 2.0**33
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@frozen
class ArchivedFile:
    """A file in an archive: its path in the folder, its bytes, its permission bits and its time."""

    path: str
    content: bytes
    mode: int
    mtime: float


async def upload_packed(call: Call) -> Response:
    """`POST /folders/{f}/upload-packed`: unpack a tar archive of files into the folder.

    A file appears under its name only when it is complete. The upload ends at the first error.
    """
    access = named(call, "rw")
    check_permission(call, access.folder, "upload-file")
    archive = await _read(call.request)
    files = await on_disk(lambda: _unpacked(archive))
    size = sum(len(file.content) for file in files)
    check_disk(call.cluster, size)
    if files:
        await check_room(call.cluster, access.folder, size)
    tree, volume = tree_of(call, access), call.cluster.storage.volume
    await on_disk(lambda: _put_all(files, tree, volume))
    return reply({"files": len(files)})


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST:
            raise Problem(
                413, "content-too-large", "Too large.", f"at most {_MOST} bytes are allowed"
            )
    return bytes(body)


def _unpacked(archive: bytes) -> Sequence[ArchivedFile]:
    """Read an archive of regular files; raises Problem 400, or OSError for invalid paths."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            files = [_packed(member, archive) for member in tar]
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise invalid_params(f"not a readable archive: {error}", {"body": "no tar"}) from error
    for file in files:
        with explained(file.path):
            names_of(file.path)
    return files


def _packed(member: tarfile.TarInfo, archive: bytes) -> ArchivedFile:
    end = member.offset_data + member.size
    if not member.isreg() or member.issparse() or not 0 <= member.size <= end <= len(archive):
        raise invalid_params(f"{member.name!r} is not a complete file", {"body": "files alone"})
    mtime = float(member.mtime) if 0 <= member.mtime < _LATEST else 0.0
    content = archive[member.offset_data : end]
    return ArchivedFile(member.name, content, member.mode & 0o755 | 0o600, mtime)


def _put_all(files: Sequence[ArchivedFile], tree: Tree, volume: Volume) -> None:
    draft = volume.uploads / secrets.token_hex(16)
    try:
        for file in files:
            with explained(file.path):
                descriptor = os.open(draft, _FRESH, file.mode)
                with os.fdopen(descriptor, "wb", buffering=0) as opened:
                    os.fchmod(descriptor, file.mode)
                    opened.write(file.content)
                    os.utime(opened.fileno(), (file.mtime, file.mtime))
                tree.import_file(draft, file.path)
    finally:
        draft.unlink(missing_ok=True)


ROUTES: Routes = (route("POST", "/folders/{f}/upload-packed", upload_packed, raw=True),)
