"""Telling whether a program waits for its standard input, by asking Linux what it is blocked in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

READ = {"x86_64": "0", "aarch64": "63", "riscv64": "63"}.get(os.uname().machine)


def waits_for_input(pid: int, write_end: int) -> bool:
    """Tell whether `pid` or a descendant is blocked in reading the pipe that ends in `write_end`.

    False wherever it cannot be told, so that nobody is asked for input that nobody wants.
    """
    pipe = os.fstat(write_end).st_ino
    return any(_reads(process, pipe) for process in _family(pid))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = children.read_text().split()
        except OSError:
            continue
        for child in pids:
            yield from _family(int(child))


def _reads(pid: int, pipe: int) -> bool:
    try:
        call = Path(f"/proc/{pid}/syscall").read_text().split()
        return call[:2] == [READ, "0x0"] and os.stat(f"/proc/{pid}/fd/0").st_ino == pipe  # noqa: PTH116 - follows a magic link
    except OSError:
        return False
