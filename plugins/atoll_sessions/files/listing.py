"""Lists folders of a running session over the API, and gets files and folders as archives."""

import re
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any, NoReturn

import trio
from attrs import frozen

from atoll import AtollError, NotFound, Problem, UsageError
from atoll.files import is_name
from atoll.reading import maybe, record
from atoll_sessions.files.multipart import read_parts
from atoll_sessions.files.names import for_wire, from_wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from atoll import Api, Reply

HOME = PurePosixPath("/home/work")
"""The folder with a session's files; the API gives no access to files outside of it."""
MOST_BYTES = 1024 * 1024
"""The largest archive that the API returns, in bytes."""
_MOST_ANSWER = 16 * MOST_BYTES
_DOWNLOAD_BY_POST = 8
"""The first major version of the API in which downloads are requested by POST."""
_NOT_ALLOWED = (404, 405)
_PYTHON_ERROR = re.compile(r"^\w*Error: (?:\[Errno \d+\] )?")


@frozen(kw_only=True)
class FileEntry:
    """A file in a session: `mode` as `ls -l` shows it, `size` in bytes, `mtime` in Unix seconds."""

    mode: str
    size: int
    mtime: float
    filename: str
    target: str | None = None

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link; `target` is its target, if the cluster gives it."""
        return self.mode.startswith("l")

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.mode.startswith("d")

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file."""
        return self.mode.startswith("-")


def in_home(path: str) -> PurePosixPath:
    """Convert a path in the session to a path relative to its home; raises UsageError if the path
    is outside of the home.
    """
    absolute = PurePosixPath(normpath(HOME / path))
    if not absolute.is_relative_to(HOME):
        raise UsageError(f"{path} is outside of {HOME}; only files below it can be reached")
    return absolute.relative_to(HOME)


async def list_folder(api: "Api", session_id: str, path: PurePosixPath) -> list[FileEntry]:
    """Return the entries of a folder, sorted by name (`GET /session/{s}/files`).

    Raises NotFound, or AtollError with the session's own message if listing fails in the session.
    """
    from atoll.urls import path as route

    answer = await api.json(
        "GET",
        route("session", session_id, "files"),
        params={"path": await for_wire(api, path)},
        like={"errors": maybe(str), "files": maybe(str)},
    )
    if answer["errors"]:
        _raise_listing_error(path, answer["errors"])
    entries = api.decode(answer["files"] or "[]", [_entry])
    return sorted(entries, key=lambda entry: entry.filename)


def _entry(item: dict[str, Any]) -> FileEntry:
    name = from_wire(str(item.get("spelling") or item["filename"]))
    if not is_name(name):
        raise AtollError(f"the cluster lists a file called {name!r}")
    target = item.get("target")
    link = from_wire(target) if isinstance(target, str) else None
    return record(FileEntry, {**item, "filename": name, "target": link})


def _raise_listing_error(path: PurePosixPath, errors: str) -> NoReturn:
    """Raise the error that the session's own Python has reported: the last line of its
    traceback.
    """
    message = _PYTHON_ERROR.sub("", (errors.strip().splitlines() or [""])[-1])
    message = message.rpartition(": '")[0] or message
    if "No such file" in message:
        raise NotFound(f"{path}: no such file or folder")
    raise AtollError(f"{path}: {message.lower()}")


async def find_entry(api: "Api", session_id: str, path: PurePosixPath) -> FileEntry:
    """Return the entry of one file from the listing of its parent folder; raises NotFound."""
    for entry in await list_folder(api, session_id, path.parent):
        if entry.filename == path.name:
            return entry
    raise NotFound(f"{path}: no such file or folder")


async def fetch_archive(
    api: "Api",
    session_id: str,
    path: PurePosixPath,
    on_bytes: "Callable[[int], None]" = lambda _size: None,
) -> bytes:
    """Return a file or folder as a tar archive (`/session/{s}/download`); `on_bytes` is called with
    the number of bytes received so far.

    It is requested by GET up to version 7 of the API, and by POST later (releases since 24.03). A
    cluster may not behave as the version that it announces, so the other method is tried, too.
    """
    is_newer = (await api.version()).major >= _DOWNLOAD_BY_POST
    methods = ("POST", "GET") if is_newer else ("GET", "POST")
    try:
        return await _fetch(api, methods[0], session_id, path, on_bytes)
    except Problem as problem:
        if problem.status not in _NOT_ALLOWED or problem.type == "object-not-found":
            raise
    return await _fetch(api, methods[1], session_id, path, on_bytes)


async def _fetch(
    api: "Api",
    method: str,
    session_id: str,
    path: PurePosixPath,
    on_bytes: "Callable[[int], None]",
) -> bytes:
    from atoll.urls import path as route

    reply = await api.request(
        method,
        route("session", session_id, "download"),
        params={"files": [await for_wire(api, path)]},
        query=True,
        safe=True,
        stream=True,
    )
    async with reply:
        body = await _read_bounded(reply, on_bytes)
    parts = read_parts(reply.headers.get("content-type", ""), body)
    if len(parts) != 1:
        raise AtollError(f"{path}: the cluster sent {len(parts)} archives for one file")
    return parts[0]


async def _read_bounded(reply: "Reply", on_bytes: "Callable[[int], None]") -> bytes:
    """Read a streamed body; raises AtollError if it is longer than any archive may be."""
    body = bytearray()
    with trio.CancelScope() as enough:
        async for chunk in reply.chunks():
            body += chunk
            on_bytes(len(body))
            if len(body) > _MOST_ANSWER:
                # The loop is not left by `break`: the generator would then be closed while it waits
                # for data.
                enough.cancel()
    if enough.cancel_called:
        raise AtollError("the cluster sends more than its API allows")
    return bytes(body)
