"""Runs several jobs at a time; if one fails, the others continue."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, TypeVar

import trio
from attrs import define

from atoll import AtollError, ExitCode, NotAuthorized, Problem, Unreachable
from atoll.output import Output

Job = TypeVar("Job")

_MOST_REPORTED = 20
_FULL = ("quota-exceeded", "storage-full")


@define
class Workers(Generic[Job]):
    """Runs jobs in parallel and reports each failure; `exit_code` is that of the first."""

    output: Output
    number: int
    exit_code: int = 0
    failures: int = 0
    _fatal: AtollError | None = None

    async def run(self, jobs: Iterable[Job], act: Callable[[Job], Awaitable[None]]) -> None:
        """Run every job; raises an error if it would make every other job fail, too."""
        rest = iter(jobs)
        async with trio.open_nursery() as nursery:
            for _ in range(self.number):
                nursery.start_soon(self._work, rest, act, nursery.cancel_scope)
        if self._fatal is not None:
            raise self._fatal
        if self.failures > _MOST_REPORTED:
            self.output.warn(f"and {self.failures - _MOST_REPORTED} more that failed")

    async def _work(
        self,
        rest: Iterator[Job],
        act: Callable[[Job], Awaitable[None]],
        all_workers: trio.CancelScope,
    ) -> None:
        for job in rest:
            try:
                await act(job)
            except AtollError as error:
                if _stops_all(error):
                    self._fatal = self._fatal or error
                    all_workers.cancel()
                    return
                self.fail(error)

    def attempt(self, act: Callable[[], None]) -> None:
        """Run a quick function now, and report its error."""
        try:
            act()
        except AtollError as error:
            self.fail(error)

    def fail(self, error: AtollError) -> None:
        """Report the error of a job."""
        self.failures += 1
        self.exit_code = self.exit_code or int(error.exit_code or ExitCode.FAILED)
        if self.failures <= _MOST_REPORTED:
            self.output.warn(str(error))


def _stops_all(error: AtollError) -> bool:
    """Tell whether all other jobs would fail for the same reason."""
    is_full = isinstance(error, Problem) and (error.status == 507 or error.type in _FULL)
    return is_full or isinstance(error, (Unreachable, NotAuthorized))
