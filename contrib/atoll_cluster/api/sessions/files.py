"""Upload, download and list files of a running session, only below `/home/work`."""

import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any, TypeVar

import anyio.to_thread
from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, no_content, reply, route
from atoll_cluster.api.request.multipart import FormFile, read_parts, write_parts
from atoll_cluster.api.request.params import bounded_body
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.api.sessions.archive import MAX_ARCHIVE, pack, too_large
from atoll_cluster.api.sessions.home import HOME, SessionHome, is_regular, relative
from atoll_cluster.api.sessions.naming import named_session
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.storage.path_encoding import decode_path, printable_path
from atoll_cluster.storage.tree import Entry, scan

MAX_UPLOADS = 20
MAX_UPLOAD_SIZE = 1024 * 1024
MAX_DOWNLOADS = 5
_MAX_FORM = MAX_UPLOADS * MAX_UPLOAD_SIZE + 64 * 1024
"""The most bytes of a form, with its headers."""

T = TypeVar("T")


async def upload(call: Call) -> Response:
    """`POST /session/{s}/upload`: up to 20 files of less than 1 MiB; creates their folders."""
    home = _home(call)
    content_type = call.request.headers.get("content-type", "")
    body = await bounded_body(call.request, _MAX_FORM, "Too large file")
    parts = read_parts(content_type, body)
    if len(parts) > MAX_UPLOADS:
        raise invalid_params("Too many files")
    if any(len(part.content) >= MAX_UPLOAD_SIZE for part in parts):
        raise invalid_params("Too large file")
    await _in_thread(lambda: _write_all(home, parts))
    return no_content()


def _write_all(home: SessionHome, parts: list[FormFile]) -> None:
    # Check all names before writing the first file.
    for part in parts:
        relative(part.filename)
    for part in parts:
        home.write(part.filename, part.content, part.mode)


async def download(call: Call) -> Response:
    """`GET` and `POST /session/{s}/download`: up to 5 files and folders, each in a tar archive."""
    home = _home(call)
    paths = [str(path) for path in call.params.sequence("files")]
    if not paths:
        raise invalid_params("files is required", {"files": "is required"})
    if len(paths) > MAX_DOWNLOADS:
        raise invalid_params("Too many files")
    archives = await _in_thread(lambda: [_archive(home, path) for path in paths])
    boundary = secrets.token_hex(16)
    return Response(
        write_parts(boundary, archives), media_type=f"multipart/mixed; boundary={boundary}"
    )


async def download_single(call: Call) -> Response:
    """`GET` and `POST /session/{s}/download_single`: the bytes of one file."""
    home, path = _home(call), call.params.required("file")
    content = await _in_thread(lambda: _read(home, path))
    return Response(content, media_type="application/octet-stream")


def _archive(home: SessionHome, path: str) -> bytes:
    with home.opened(path) as descriptor:
        return pack(descriptor, relative(path).name or HOME.name)


def _read(home: SessionHome, path: str) -> bytes:
    with home.opened(path) as descriptor:
        if not is_regular(descriptor):
            raise invalid_params(f"{path!r} is not a file", {"file": path})
        if os.fstat(descriptor).st_size > MAX_ARCHIVE:
            raise too_large(path)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(MAX_ARCHIVE + 1)


async def list_files(call: Call) -> Response:
    """`GET /session/{s}/files`: `files` is JSON text inside the JSON answer."""
    home, path = _home(call), call.params.text("path") or "."
    answer = {"files": "", "errors": "", "abspath": printable_path(str(HOME / relative(path)))}
    try:
        answer["files"] = json.dumps(await _in_thread(lambda: _list(home, path)))
    except OSError as error:
        # Managers return the error output of the program that lists the files in the session.
        answer["errors"] = f"{type(error).__name__}: {error}\n"
    return reply(answer)


def _list(home: SessionHome, path: str) -> list[dict[str, Any]]:
    with home.looked_at(path) as descriptor:
        status = os.fstat(descriptor)
        if not stat.S_ISDIR(status.st_mode):
            return [_as_json(Entry(PurePosixPath(decode_path(path)).name, status))]
        return [_as_json(entry) for entry in scan(descriptor)]


def _as_json(entry: Entry) -> dict[str, Any]:
    status = entry.status
    return {
        "mode": stat.filemode(status.st_mode),
        "size": status.st_size,
        "ctime": status.st_ctime,
        "mtime": status.st_mtime,
        "atime": status.st_atime,
        "filename": printable_path(entry.name),
        **entry.extra_fields,
    }


def _home(call: Call) -> SessionHome:
    kernel = running_kernel(call.cluster, named_session(call))
    return SessionHome(kernel.home, kernel.spec.mounts)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run a disk operation in a worker thread."""
    return await anyio.to_thread.run_sync(work)


ROUTES: Routes = (
    route("POST", "/session/{s}/upload", upload, raw=True),
    route("GET POST", "/session/{s}/download", download),
    route("GET POST", "/session/{s}/download_single", download_single),
    route("GET", "/session/{s}/files", list_files),
)
