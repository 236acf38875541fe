"""A process that is not our child; it is identified by its start time and used through a pidfd."""

import contextlib
import os
import signal
from collections.abc import Iterator

import anyio
from attrs import frozen

from .supervisor.procfs import stat_fields


@frozen
class Process:
    """A process by pid and start time: a pid may be reused, but this pair is unique.

    `started` is field 22 of /proc/<pid>/stat.
    """

    pid: int
    started: int

    def alive(self) -> bool:
        try:
            fields = stat_fields(self.pid)
        except OSError:
            return False
        return fields[0] not in "ZX" and int(fields[19]) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended."""
        with self._pidfd() as fd, contextlib.suppress(ProcessLookupError):
            if fd is not None:
                signal.pidfd_send_signal(fd, number)

    async def ended(self) -> None:
        """Wait until the process has ended."""
        with self._pidfd() as fd:
            if fd is not None:
                await anyio.wait_readable(fd)

    @contextlib.contextmanager
    def _pidfd(self) -> Iterator[int | None]:
        try:
            fd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield fd if self.alive() else None
        finally:
            os.close(fd)
