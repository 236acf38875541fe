"""Read a kernel's log in pieces and with a limit."""

import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from anyio import to_thread

from .supervisor.log import LIMIT

_PIECE = 64 * 1024
_NOTE = f"[more was printed before this; a log keeps its last {LIMIT >> 20} MiB]\n".encode()
_INSIDE_CHARACTERS = bytes(range(0x80, 0xC0))
"""Bytes that can only follow the first byte of a UTF-8 character."""


def read(path: Path) -> Generator[bytes]:
    """Yield the last `LIMIT` bytes of the log at `path` and its older file.

    If the log is longer, the first line says so, and the rest starts at the beginning of a line. A
    file that is not regular counts as empty, because a program without a sandbox can create one.
    """
    with ExitStack() as stack:
        parts = _open(path, stack)
        surplus = sum(size for _, size in parts) - LIMIT
        pieces = _pieces(parts, max(0, surplus))
        if surplus > 0:
            yield _NOTE
            yield _from_a_line(next(pieces, b""))
        yield from pieces


async def kept_log(folder: Path) -> AsyncGenerator[bytes]:
    """Yield the log in a kernel's folder like `read`, without blocking the event loop."""
    with closing(read(folder / "log")) as pieces:
        while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
            yield piece


def size(path: Path) -> int:
    """Return the size of the log at `path` and its older file in bytes, as visible here."""
    with ExitStack() as stack:
        return sum(size for _, size in _open(path, stack))


def last_line(path: Path) -> str:
    """Return the last line that is not blank; empty if there is none."""
    text = b"".join(deque(read(path), maxlen=2)).decode("utf-8", "replace")
    return text.rstrip().rpartition("\n")[2]


def _open(path: Path, stack: ExitStack) -> Sequence[tuple[int, int]]:
    """Return descriptors and sizes, the older file first.

    This opens the newer file first. If that file is renamed to the older one meanwhile, only that
    file is read, and only once.
    """
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for name in (path, path.with_name(f"{path.name}.1")):
        try:
            part = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        stack.callback(os.close, part)
        status = os.fstat(part)
        if stat.S_ISREG(status.st_mode):
            found.setdefault((status.st_dev, status.st_ino), (part, status.st_size))
    return [*reversed(found.values())]


def _pieces(parts: Sequence[tuple[int, int]], skipped: int) -> Iterator[bytes]:
    for part, size in parts:
        position = min(skipped, size)
        skipped -= position
        while piece := os.pread(part, min(_PIECE, size - position), position):
            yield piece
            position += len(piece)


def _from_a_line(piece: bytes) -> bytes:
    """Remove the incomplete first line, or at least an incomplete character."""
    _, newline, rest = piece.partition(b"\n")
    return rest if newline else piece.lstrip(_INSIDE_CHARACTERS)
