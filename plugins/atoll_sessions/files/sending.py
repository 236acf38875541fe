"""Uploads files into a session (`POST /session/{s}/upload`, every release)."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import evolve, frozen

from atoll import AtollError, NotAuthorized, NotFound, Problem, Unreachable, UsageError
from atoll.files import open_deep, refuse, walk
from atoll_sessions.files.names import for_wire

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Part

MOST_FILES = 20
"""The most files that the API accepts in one request."""
MOST_BYTES = 1024 * 1024 - 1
"""The largest file that the API accepts, in bytes."""
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_ANY_FILE = "application/octet-stream"


@frozen
class LocalFile:
    """A file of this machine, and its path in the session's home."""

    path: Path
    filename: str

    def read(self) -> "Part":
        """Read the file; raises AtollError if that fails, UsageError if it is larger than the API
        accepts.
        """
        from atoll.transport import Part

        try:
            with os.fdopen(open_deep(self.path, _READ), "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise AtollError(f"{self.path}: {error.strerror}") from None
        if len(content) > MOST_BYTES:
            raise UsageError(
                f"{self.path} is too large to upload this way",
                hint="the API takes files below 1 MiB",
            )
        # The embedded cluster keeps the permission to execute it; other clusters ignore the
        # parameter.
        kind = f"{_ANY_FILE}; mode={stat.S_IMODE(mode) & 0o777:o}" if mode & 0o111 else _ANY_FILE
        return Part("src", self.filename, content, kind)


def is_program(part: "Part") -> bool:
    """Tell whether a file that was read is executable."""
    return part.content_type.startswith(f"{_ANY_FILE}; mode=")


def find(
    paths: Sequence[Path],
    base: Path | None,
    leave: Callable[[str], None] = lambda _what: None,
    failed: Callable[[AtollError], None] = refuse,
) -> list[LocalFile]:
    """Find files, and the files in folders. They are named by their path relative to `base`, or to
    the current folder if there is no `base`.

    A file outside the current folder is sent under its name alone; one outside of `base` is
    refused. `leave` is called for each entry of a folder that is left out, `failed` for each that
    can't be read. Raises AtollError, before anything has been sent, for a named file that can't be
    uploaded.
    """
    root = _absolute(base or Path())
    files = [
        LocalFile(path, _name_in(path, root, strict=base is not None))
        for given in paths
        for path in _files_below(given, leave, failed)
    ]
    names = Counter(file.filename for file in files)
    if twice := sorted(name for name, count in names.items() if count > 1):
        raise UsageError(f"two files would have the same path {twice[0]} in the session")
    return files


def collect(
    paths: Sequence[Path], base: Path | None, leave: Callable[[str], None] = lambda _what: None
) -> "list[Part]":
    """Find files as `find` does, and read them all; raises AtollError if one can't be read."""
    return [file.read() for file in find(paths, base, leave)]


def _files_below(
    path: Path, leave: Callable[[str], None], failed: Callable[[AtollError], None]
) -> Iterator[Path]:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        raise NotFound(f"{path}: no such file") from None
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None
    if stat.S_ISREG(kind):
        LocalFile(path, path.name).read()
        yield path
    elif stat.S_ISDIR(kind):
        yield from _files_within(path, leave, failed)
    else:
        raise UsageError(f"{path} is neither a file nor a folder")


def _files_within(
    path: Path, leave: Callable[[str], None], failed: Callable[[AtollError], None]
) -> Iterator[Path]:
    for found in walk(path, failed):
        if found.is_file:
            yield found.path
        elif found.is_folder:
            leave(f"{found.path} (an empty folder)")
        else:
            leave(f"{found.path} (a link to a folder, or no file)")


def _name_in(path: Path, root: Path, *, strict: bool) -> str:
    found = _absolute(path)
    if found.is_relative_to(root):
        return str(found.relative_to(root))
    if strict:
        raise UsageError(f"{path} is not below {root}", hint="change --basedir")
    return path.name


def _absolute(path: Path) -> Path:
    """Return the absolute path; links are kept in it, since files are sent under the links'
    names.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow them


async def upload(
    api: "Api",
    session_id: str,
    parts: "Sequence[Part]",
    on_sent: Callable[[int], None] = lambda _number: None,
) -> None:
    """Upload files to a session's /home/work, as many in one request as the API accepts. `on_sent`
    is called with the number of files sent so far. Raises AtollError for a name that the cluster
    does not accept.
    """
    from atoll.urls import path

    for start in range(0, len(parts), MOST_FILES):
        some = [
            evolve(part, filename=await for_wire(api, part.filename))
            for part in parts[start : start + MOST_FILES]
        ]
        # The request may be repeated: uploading the same files again under the same names changes
        # nothing.
        await api.request("POST", path("session", session_id, "upload"), parts=some, safe=True)
        on_sent(start + len(some))


@frozen
class Sent:
    """How many files have arrived, and their total size in bytes."""

    files: int = 0
    size: int = 0


async def send(
    api: "Api",
    session_id: str,
    files: Sequence[LocalFile],
    failed: Callable[[AtollError], None],
    on_sent: Callable[[Sent], None],
) -> None:
    """Upload files to a session's /home/work; only the files of one request are in memory at a
    time.

    `failed` is called for each file that can't be read, has a name that can't be sent, or is
    refused; the others are still sent. `on_sent` is called with what has arrived so far.
    """
    sent = Sent()
    for start in range(0, len(files), MOST_FILES):
        parts = await _read(api, files[start : start + MOST_FILES], failed)
        arrived = await _arrived(api, session_id, parts, failed)
        size = sum(len(part.content) for part in arrived)
        sent = Sent(sent.files + len(arrived), sent.size + size)
        on_sent(sent)


async def _read(
    api: "Api", files: Sequence[LocalFile], failed: Callable[[AtollError], None]
) -> "list[Part]":
    parts = []
    for file in files:
        try:
            await for_wire(api, file.filename)
            parts.append(await trio.to_thread.run_sync(file.read))
        except AtollError as error:
            failed(error)
    return parts


async def _arrived(
    api: "Api", session_id: str, parts: "Sequence[Part]", failed: Callable[[AtollError], None]
) -> "Sequence[Part]":
    """Send files together; if the cluster refuses that, send each by itself. Returns those that
    arrived.
    """
    try:
        await upload(api, session_id, parts)
    except (NotAuthorized, NotFound, Unreachable):
        raise
    except Problem as problem:
        if len(parts) == 1:
            failed(AtollError(f"{parts[0].filename}: {problem.message}"))
            return []
        alone = [await _arrived(api, session_id, [part], failed) for part in parts]
        return [part for some in alone for part in some]
    return parts
