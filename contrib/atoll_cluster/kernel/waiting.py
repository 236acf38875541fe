"""Read from /proc about other processes: their children, and whether they wait for input."""

from __future__ import annotations

import os
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

READ = {"x86_64": "0", "aarch64": "63", "riscv64": "63"}.get(os.uname().machine)


def waits_for_input(pid: int, pipe: int) -> bool:
    """Return whether `pid` or a descendant waits to read from the pipe with the inode `pipe`.

    Returns False if unknown, so that users are not asked for input that no program reads.
    """
    return any(_reads(process, pipe) for process in family(pid))


def children(pid: int) -> list[int]:
    """List the children of a process; empty if the process has ended or cannot be read."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        started = [_words(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:
        return []
    return [int(child) for child in chain.from_iterable(started)]


def family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    ahead = [pid]
    while ahead:
        yield (one := ahead.pop())
        ahead += children(one)


def _reads(pid: int, pipe: int) -> bool:
    try:
        call = _words(f"/proc/{pid}/syscall")
        return call[:2] == [READ, "0x0"] and os.stat(f"/proc/{pid}/fd/0").st_ino == pipe
    except OSError:
        return False


def _words(path: str) -> list[str]:
    with open(path, encoding="ascii") as file:
        return file.read().split()
