"""Locks on files, for one process at a time; the system releases them when their holder ends.

A stored process id would be less safe: the system may have given it to another process since.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_TRIES, _PAUSE = 20, 0.005
_POLL_INTERVAL = 0.2


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file during the block; yields whether that succeeded."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    # A process that only checks the lock holds it for a moment, too.
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def lockable(path: Path) -> bool:
    """Tell whether no process holds the lock of a file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition on disk becomes true by another process."""
    import trio

    while not condition():  # noqa: ASYNC110  # no event crosses from one process to another
        await trio.sleep(_POLL_INTERVAL)
