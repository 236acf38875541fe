"""Telling whether a program waits for its standard input, by asking Linux what it is blocked in."""

from __future__ import annotations

import os
from itertools import chain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

READ = {"x86_64": "0", "aarch64": "63", "riscv64": "63"}.get(os.uname().machine)


def waits_for_input(pid: int, pipe: int) -> bool:
    """Tell whether `pid` or a descendant is blocked in reading a pipe, given by its inode.

    False wherever it cannot be told, so that nobody is asked for input that nobody wants.
    """
    return any(_reads(process, pipe) for process in _family(pid))


def _family(pid: int) -> Iterator[int]:
    ahead = [pid]
    while ahead:
        yield (one := ahead.pop())
        try:
            threads = os.listdir(f"/proc/{one}/task")
            children = [_words(f"/proc/{one}/task/{thread}/children") for thread in threads]
        except OSError:
            continue
        ahead += map(int, chain.from_iterable(children))


def _reads(pid: int, pipe: int) -> bool:
    try:
        call = _words(f"/proc/{pid}/syscall")
        return call[:2] == [READ, "0x0"] and os.stat(f"/proc/{pid}/fd/0").st_ino == pipe
    except OSError:
        return False


def _words(path: str) -> list[str]:
    with open(path, encoding="ascii") as file:
        return file.read().split()
