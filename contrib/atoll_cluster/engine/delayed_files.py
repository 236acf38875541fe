"""Wait for files of another machine, which a shared file system may show late.

There is no notification when it becomes visible, so this polls for a limited time.
"""

from collections.abc import Callable

import anyio
from anyio import to_thread

from . import log
from .folder import KernelFolder

LATE = 15.0
"""Seconds after which it is surely to be seen."""
LOOK = 0.25


async def wait_for_log(folder: KernelFolder, printed: int) -> None:
    """Wait until a log has so many bytes; 0 for the final size from its supervisor."""
    wanted = printed or folder.final_log_size()
    await _see(lambda: log.size(folder.log) >= wanted)


async def wait_for_end(folder: KernelFolder) -> None:
    """Wait for the record of the end from a supervisor."""
    await _see(folder.has_recorded_end)


async def _see(is_there: Callable[[], bool]) -> None:
    with anyio.move_on_after(LATE):
        while not await to_thread.run_sync(is_there):  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(LOOK)
