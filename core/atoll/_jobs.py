"""What runs in the background: statements that ended in `&`."""

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

from attrs import define, field

from atoll._errors import ExitCode, NotFound, UsageError

if TYPE_CHECKING:
    import trio


@define
class Job:
    """A statement in the background; `exit_code` is None until it has ended."""

    number: int
    text: str
    exit_code: int | None = None
    started: float = field(factory=time.monotonic)
    ended: float | None = None
    scope: "trio.CancelScope | None" = field(default=None, repr=False)

    @property
    def state(self) -> str:
        """`running`, `done`, or `failed`."""
        if self.exit_code is None:
            return "running"
        return "failed" if self.exit_code else "done"

    @property
    def elapsed(self) -> float:
        """Seconds it has run."""
        return (self.ended or time.monotonic()) - self.started


current_job: ContextVar[Job | None] = ContextVar("current_job", default=None)
"""The job that the running code belongs to, so that what it writes can be told apart."""


@define
class Jobs:
    """The jobs of one prompt or script, which lives as long as `nursery`; without one there are no
    jobs.
    """

    nursery: "trio.Nursery | None" = None
    on_end: Callable[[Job], None] = lambda _job: None
    _jobs: dict[int, Job] = field(factory=dict)

    def start(self, text: str, run: Callable[[], Awaitable[int]]) -> Job:
        """Start a statement; returns at once."""
        if self.nursery is None:
            raise UsageError("nothing can run in the background here", hint="leave out the &")
        job = Job(max(self._jobs, default=0) + 1, text)
        self._jobs[job.number] = job
        self.nursery.start_soon(self._run, job, run)
        return job

    async def _run(self, job: Job, run: Callable[[], Awaitable[int]]) -> None:
        import trio

        current_job.set(job)
        with trio.CancelScope() as job.scope:
            job.exit_code = await run()
        if job.exit_code is None:
            job.exit_code = ExitCode.INTERRUPTED
        job.ended = time.monotonic()
        self.on_end(job)

    def all(self) -> list[Job]:
        """Return all jobs, oldest first; those that had ended are forgotten by being shown."""
        jobs = list(self._jobs.values())
        self._jobs = {job.number: job for job in jobs if job.exit_code is None}
        return jobs

    def running(self) -> list[Job]:
        """Return the jobs that have not ended."""
        return [job for job in self._jobs.values() if job.exit_code is None]

    def first_failure(self) -> int:
        """Return the exit code of the first job that failed, or 0."""
        return next((job.exit_code for job in self._jobs.values() if job.exit_code), 0)

    def cancel(self, number: int) -> None:
        """Interrupt a job; raises NotFound."""
        job = self._jobs.get(number)
        if job is None or job.exit_code is not None or job.scope is None:
            raise NotFound(f"no job {number} is running")
        job.scope.cancel()
