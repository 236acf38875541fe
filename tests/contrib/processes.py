"""Processes that are nobody's children here: whether they have ended, and which work where."""

import os
import select
from contextlib import suppress
from pathlib import Path

DEADLINE = 60.0
"""Seconds that a process has to end."""


def wait_for_end(pid: int) -> None:
    """Wait for a process to end."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([descriptor], [], [], DEADLINE)[0]
    os.close(descriptor)


def working_in(folder: Path) -> list[int]:
    """List the processes that work in a folder; those in sandboxes are below them."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found
