"""Running a sweep: workers run case after case until all have ended, or the sweep is stopped."""

from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define, field

from atoll import AtollError, Context
from atoll_sessions.sweep.capacity import Capacity
from atoll_sessions.sweep.case import CaseRunner, StopSweep
from atoll_sessions.sweep.client import Client
from atoll_sessions.sweep.journal import Journal, open_journal
from atoll_sessions.sweep.lock import until
from atoll_sessions.sweep.plan import Case
from atoll_sessions.sweep.progress import Progress
from atoll_sessions.sweep.report import Report
from atoll_sessions.sweep.sessions import end_own_sessions
from atoll_sessions.sweep.store import Sweep

if TYPE_CHECKING:
    from atoll import Api


@define
class SweepRunner:
    """Runs cases of a sweep in this process.

    After :meth:`run`, `how` says how the run has ended: `finished`, `interrupted`, `cancelled`, or
    `stopped` by `failure`. `ended` names the sessions that were terminated to free resources for
    others.
    """

    context: Context
    sweep: Sweep
    report: Report
    connect: Callable[[], Awaitable["Api"]]
    max_parallel: int
    how: str = "interrupted"
    failure: AtollError | None = None
    ended: list[str] = Factory(list)
    _scope: trio.CancelScope = Factory(trio.CancelScope)
    _case_runner: CaseRunner = field(init=False)

    async def run(self, numbers: Collection[int]) -> Progress:
        """Run these cases; raises AtollError if another process runs the sweep."""
        with (
            self.sweep.hold(),
            open_journal(self.sweep.journal, self.sweep.plan.count) as journal,
        ):
            journal.begin()
            try:
                await self._run(journal, numbers)
            finally:
                journal.stop(self.how, str(self.failure or ""))
            return journal.progress

    async def _run(self, journal: Journal, numbers: Collection[int]) -> None:
        plan, client = self.sweep.plan, Client(self.connect, self.report.warn)
        files = self.sweep.files()
        capacity = Capacity(self.sweep, client, journal.progress, self.report, ended=self.ended)
        self._case_runner = CaseRunner(
            self.context, plan, files, journal, client, self.report, capacity
        )
        async with trio.open_nursery() as watchers:
            watchers.start_soon(self._watch_interrupts)
            watchers.start_soon(self._watch_requests)
            watchers.start_soon(self.report.live, journal.progress)
            if not plan.remove:
                watchers.start_soon(self._guarded, capacity.make_room)
            with self._scope:
                await self._guarded(self._clear, journal.progress, client, numbers)
                await self._run_cases(numbers)
                if self.failure is None:
                    self.how = "finished"
            watchers.cancel_scope.cancel()

    async def _run_cases(self, numbers: Collection[int]) -> None:
        cases = self.sweep.plan.cases(numbers)
        async with trio.open_nursery() as workers:
            for _ in range(min(self.max_parallel, len(numbers))):
                workers.start_soon(self._guarded, self._work, cases)

    async def _work(self, cases: Iterator[Case]) -> None:
        for case in cases:
            # No further case starts after the sweep was stopped.
            await trio.lowlevel.checkpoint()
            await self._case_runner.run(case)

    async def _clear(self, progress: Progress, client: Client, numbers: Collection[int]) -> None:
        """Terminate sessions that an earlier run has left, before new ones are started."""
        if progress.sessions or progress.runs > 1:
            plan = self.sweep.plan
            await client.call(
                lambda api: end_own_sessions(api, plan, all_cases=plan.remove, due=numbers)
            )

    async def _guarded(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Do some work; an error that concerns more than one case stops the sweep."""
        try:
            await work(*args)
        except StopSweep as stop:
            self._fail(stop.__cause__)
        except AtollError as error:
            self._fail(error)

    def _fail(self, error: BaseException | None) -> None:
        if self.failure is None and isinstance(error, AtollError):
            self.failure = error
        # Sessions are still to be removed; if that fails, the sweep does not wait for the cluster
        # again.
        self._case_runner.client.give_up()
        self._stop("stopped")

    def _stop(self, how: str) -> None:
        if not self._scope.cancel_called:
            self.how = how
            self._scope.cancel()

    async def _watch_interrupts(self) -> None:
        """Stop at the first Ctrl-C; at the second, don't wait for sessions to be removed."""
        async with self.context.interrupts() as presses:
            async for _ in presses:
                if self._scope.cancel_called:
                    self._case_runner.stop_waiting()
                self._stop("interrupted")

    async def _watch_requests(self) -> None:
        await until(lambda: self.sweep.cancel_asked)
        self._stop("cancelled")
