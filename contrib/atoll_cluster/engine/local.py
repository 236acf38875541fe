"""The launcher of this machine, which starts supervisors as processes."""

import contextlib
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
from anyio.abc import ByteStream
from attrs import field, frozen

from .contract import Image
from .control import connect_here
from .folder import KernelFolder
from .launcher import Job, Site
from .log import kept_log
from .process import Process
from .states import Ended, Running, State

END_TIMEOUT = 5.0
"""Seconds after the grace period, in which a supervisor must end its kernel."""


@frozen
class LocalLauncher:
    """Starts supervisors, which continue when the cluster's program ends."""

    site: Site
    is_here: bool = True
    _supervisors: dict[str, Process] = field(factory=dict, init=False)
    """Supervisors by kernel id, because a kernel without a sandbox can damage its own folder."""

    def capacity(self) -> Mapping[str, Decimal]:
        """Return the slots of the machine."""
        return self.site.slots

    def images(self) -> Sequence[Image] | None:
        """Return None: the cluster scans this machine itself."""
        return None

    async def start(self, job: Job) -> None:
        """Start a supervisor; it detaches when its sockets exist."""
        # Shielded, because nobody could end a supervisor if this wait were cancelled.
        with anyio.CancelScope(shield=True), contextlib.suppress(subprocess.CalledProcessError):
            await anyio.run_process(
                [*job.command(), "--detach"],
                cwd=job.cwd,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=None,
                stderr=None,
            )

    async def watch(self, kernel_id: str, known: State | None) -> State:
        """Return whether the supervisor runs; after `Running`, wait for its end."""
        supervisor = self.supervisor(kernel_id)
        if supervisor is not None and known == Running():
            await supervisor.ended()
        elif supervisor is not None:
            return Running()
        self._supervisors.pop(kernel_id, None)
        return Ended()

    async def end(self, kernel_id: str, grace: float) -> None:
        """Tell the supervisor to end its kernel; kill the supervisor if it does not end in time."""
        if (supervisor := self.supervisor(kernel_id)) is None:
            return
        supervisor.signal(signal.SIGTERM if grace else signal.SIGQUIT)
        with anyio.move_on_after(END_TIMEOUT + grace) as scope:
            await supervisor.ended()
        if scope.cancelled_caught:
            supervisor.signal(signal.SIGKILL)

    async def connect(self, kernel_id: str, name: str) -> ByteStream:
        """Connect to a socket in the kernel's folder."""
        return await connect_here(self._folder(kernel_id).run, name)

    def logs(self, kernel_id: str) -> AsyncGenerator[bytes]:
        """Yield the log in the kernel's folder."""
        return kept_log(self.site.folder(kernel_id))

    def supervisor(self, kernel_id: str) -> Process | None:
        """Return the supervisor's process, None if it has ended."""
        seen = self._supervisors.get(kernel_id)
        found = seen if seen and seen.alive() else self._folder(kernel_id).supervisor()
        if found is not None:
            self._supervisors[kernel_id] = found
        return found

    def _folder(self, kernel_id: str) -> KernelFolder:
        return KernelFolder(self.site.folder(kernel_id))


@asynccontextmanager
async def launcher(site: Site) -> AsyncIterator[LocalLauncher]:
    """Open the launcher of this machine."""
    yield LocalLauncher(site)
