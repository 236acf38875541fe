"""Runs the background tasks of plugins, each under supervision, so that a failure ends only that
task.
"""

from collections.abc import Awaitable, Callable

import trio
from attrs import define, field

from atoll._errors import AtollError
from atoll._failures import Failures
from atoll._plugins import OWN_DISTRIBUTION, Origin, PluginError, Provided, guarded
from atoll._program import Program
from atoll._records import Background
from atoll._shell.contexts import shell_context
from atoll._state import ShellState
from atoll._version import __version__
from atoll._warnings import warn
from atoll.hookspecs import BACKGROUND
from atoll.outages import is_transient

OWN = Origin("shell", "atoll._shell", OWN_DISTRIBUTION, __version__)
"""The origin of the prompt's own tasks."""
_TRIES = 5
"""How often a task is started; after that, it is not started again."""
_FIRST_PAUSE = 1.0
"""Seconds before a task is started again; they double each further time."""
_OUTAGE = 30.0
"""Seconds before a task is started again after an error of the cluster."""
_LONG_LIVED = 600.0
"""Seconds after which earlier failures of a task no longer count."""


@define
class Supervisor:
    """Runs the tasks of `atoll_background`, and restarts those that fail."""

    program: Program
    shell: ShellState
    _reported: set[str] = field(factory=set)

    async def run(self) -> None:
        """Run all tasks until cancelled."""
        async with trio.open_nursery() as nursery:
            for provided in self.program.registry.collect(BACKGROUND):
                nursery.start_soon(self._run_one, provided)

    async def _run_one(self, provided: Provided[Background]) -> None:
        context = shell_context(self.program, self.shell)
        doing = f"its background task {provided.record.name!r}"

        async def work() -> None:
            # In a thread, since during an import the prompt could not react to keys.
            task = await trio.to_thread.run_sync(provided.load, abandon_on_cancel=True)
            await task(context, self.shell)

        await self.supervise(provided.origin, doing, work)

    async def supervise(
        self, origin: Origin, doing: str, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Do some work, and repeat it if it fails, until it has ended or has failed too often."""
        failures = Failures.of(self.program.paths)
        tries = 0
        while tries < _TRIES:
            began = trio.current_time()
            error = await _failure(origin, doing, work)
            if error is None:
                await trio.to_thread.run_sync(failures.clear, origin, doing)
                return
            if is_transient(error):
                # The cluster can't be reached at the moment, which is not the task's fault.
                await trio.sleep(_OUTAGE)
                continue
            tries = 1 if trio.current_time() - began > _LONG_LIVED else tries + 1
            self._tell(origin, doing, error)
            await trio.to_thread.run_sync(failures.note, origin, doing, error)
            await trio.sleep(_FIRST_PAUSE * 2 ** (tries - 1))

    def _tell(self, origin: Origin, doing: str, error: AtollError) -> None:
        """Report a failure, but only once if it is the same each time."""
        own = isinstance(error, PluginError)
        message = error.message if own else f"{origin}: {doing}: {error.message}"
        if message not in self._reported:
            self._reported.add(message)
            warn(message)


async def _failure(
    origin: Origin, doing: str, work: Callable[[], Awaitable[None]]
) -> AtollError | None:
    """Do some work once; returns the error if it fails."""
    try:
        with guarded(origin, doing):
            await work()
    except AtollError as error:
        return error
    return None
