"""Send a file, or a range of it, as the body of an answer, in pieces."""

import email.utils
import os
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from atoll_cluster.api.request.problems import Problem

_PIECE = 1024 * 1024
_RANGE = re.compile(r"bytes=(\d{0,20})-(\d{0,20})", re.ASCII)
_NAMES = "Tus-Resumable, Upload-Length, Upload-Metadata, Upload-Offset, Content-Type"

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": _NAMES,
    "Access-Control-Expose-Headers": _NAMES,
    "Access-Control-Allow-Methods": "*",
}
"""Headers that let web pages of other origins use the storage; its tokens protect it."""


def disposition(name: str) -> str:
    """Return the header that tells browsers the name of the file."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment;filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class FileResponse(StreamingResponse):
    """Sends an open file, and then closes its descriptor.

    A requested range is sent with 206. If the request has `If-Range` and the file has changed since
    then, by its `ETag` or `Last-Modified`, the whole file is sent. Raises Problem 416 for a range
    after the end.
    """

    def __init__(self, descriptor: int, name: str, request: Request) -> None:
        status = os.fstat(descriptor)
        headers = {
            **CORS,
            "Accept-Ranges": "bytes",
            "Content-Disposition": disposition(name),
            "ETag": f'"{status.st_mtime_ns:x}-{status.st_size:x}"',
            "Last-Modified": email.utils.formatdate(status.st_mtime, usegmt=True),
        }
        same = {None, headers["ETag"], headers["Last-Modified"]}
        asked = request.headers.get("range") or ""
        found = _range(asked, status.st_size) if request.headers.get("if-range") in same else None
        self._descriptor = descriptor
        self._start, self._end = found or (0, status.st_size)
        headers["Content-Length"] = str(self._end - self._start)
        if found:
            headers["Content-Range"] = f"bytes {self._start}-{self._end - 1}/{status.st_size}"
        super().__init__(
            self._pieces() if request.method == "GET" else (),
            status_code=206 if found else 200,
            headers=headers,
            media_type="application/octet-stream",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)

    async def _pieces(self) -> AsyncIterator[bytes]:
        position = self._start
        while position < self._end:
            length = min(_PIECE, self._end - position)
            piece = await anyio.to_thread.run_sync(os.pread, self._descriptor, length, position)
            if not piece:
                return  # The file has become shorter; the client notices it by the length.
            position += len(piece)
            yield piece


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Return the start and the end of a range; None if there is no range or more than one."""
    match = _RANGE.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise Problem(
            416,
            "storage/range-not-satisfiable",
            "Range not satisfiable.",
            f"the file has {size} bytes",
        )
    return start, end
