"""Wait for files that another machine has written; a shared file system may show them late.

Nothing tells when a file becomes visible, so this looks again and again for a limited time.
"""

from collections.abc import Callable

import anyio
from anyio import to_thread

from . import log
from .folder import KernelFolder

VISIBLE_TIMEOUT = 15.0
"""Seconds after which a file is expected to be visible."""
POLL_INTERVAL = 0.25


async def wait_for_log(folder: KernelFolder, printed: int) -> None:
    """Wait until a log has `printed` bytes; 0 means the final size that its supervisor recorded."""
    wanted = printed or folder.final_log_size()
    await _wait_until(lambda: log.size(folder.log) >= wanted)


async def wait_for_end(folder: KernelFolder) -> None:
    """Wait until the supervisor's record of the end is visible."""
    await _wait_until(folder.has_recorded_end)


async def _wait_until(is_there: Callable[[], bool]) -> None:
    with anyio.move_on_after(VISIBLE_TIMEOUT):
        while not await to_thread.run_sync(is_there):  # noqa: ASYNC110 - there is no event
            await anyio.sleep(POLL_INTERVAL)
