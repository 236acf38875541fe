"""Jobs: statements that run in the background, and programs that use the terminal."""

import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Literal

from attrs import define, field

from atoll._errors import AtollError, ExitCode, NotFound, UsageError, from_os_error
from atoll._front_line import current_line
from atoll._warnings import warn

if TYPE_CHECKING:
    from types import FrameType

    import trio

    from atoll._children import Child
    from atoll._front_line import FrontLine

State = Literal["queued", "running", "stopped", "done", "failed"]
_STOPPED_CODE = 148
"""The exit code of a command that Ctrl-Z has stopped: 128 and the number of SIGTSTP."""


def _here() -> str:
    with suppress(OSError):  # it was deleted
        return os.getcwd()  # noqa: PTH109  # a text, to be shown and handed on
    return ""


@define(eq=False)
class Job:
    """A statement that runs in the background, or that Ctrl-Z may move there (`foreground` is true
    until then).

    `number` is 0 until the job is listed. `exit_code` is None until the job has ended. `since` is
    when the line was entered, in seconds since 1970. `doing` is the last progress message of the
    job, such as a rate. `folder` is the folder in which the job runs; `cd` does not change it.
    """

    text: str
    profile: str = ""
    number: int = 0
    state: State = "queued"
    exit_code: int | None = None
    doing: str = ""
    folder: str = field(factory=_here)
    since: float = field(factory=time.time)
    foreground: bool = False
    is_reported: bool = False
    """Whether the user was told that the job has ended."""
    child: "Child | None" = field(default=None, repr=False)
    """The process that runs the job; None if the job runs in this process."""
    scope: "trio.CancelScope | None" = field(default=None, repr=False)
    keeps_folder: bool = False
    """Whether the job is a process of its own, so that `cd` has no effect on it."""
    line: "FrontLine | None" = field(default=None, repr=False)
    """The line, if it was typed without `&` and runs in this process."""
    _began: float = 0.0
    _ended: float | None = None
    _changed: "trio.Event | None" = field(default=None, repr=False)

    @property
    def elapsed(self) -> float:
        """Seconds from the job's start to its end, or until now."""
        return (self._ended or time.monotonic()) - self._began if self._began else 0.0

    @property
    def has_ended(self) -> bool:
        """Whether the job has ended."""
        return self.exit_code is not None

    @property
    def is_ending(self) -> bool:
        """Whether the job was interrupted, also if it has not ended yet."""
        return self.scope is not None and self.scope.cancel_called

    def begin(self) -> None:
        """Note that the job runs, for the first time or again."""
        self._began = self._began or time.monotonic()
        self._become("running")

    def stop(self) -> None:
        """Note that the job was stopped, as Ctrl-Z does."""
        self._become("stopped")

    def end(self, code: int) -> None:
        """Note that the job has ended with this exit code."""
        self.exit_code, self._ended, self.doing = code, time.monotonic(), ""
        self._become("failed" if code else "done")

    def _become(self, state: State) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        if self._changed is not None:
            self._changed.set()
        self._changed = None

    async def _change(self) -> None:
        import trio

        self._changed = self._changed or trio.Event()
        await self._changed.wait()

    async def settled(self) -> None:
        """Wait until the job has ended or was stopped."""
        while self.state in ("queued", "running"):
            await self._change()

    async def left(self) -> None:
        """Wait until the job has ended, was stopped, or has left the foreground."""
        while self.foreground and self.state in ("queued", "running"):
            await self._change()

    def leave_front(self) -> None:
        """Move the job from the foreground to the background."""
        self.foreground = False
        if self.child is not None:
            self.child.give_back()
        if self.line is not None and not self.has_ended:
            self.line.move()
        self._tell()

    def come_to_front(self) -> None:
        """Move the job from the background to the foreground."""
        self.foreground = True
        if self.line is not None:
            self.line.come_back()

    def go_on(self) -> None:
        """Continue the job, in the foreground or in the background; raises UsageError if it needs
        the terminal there.
        """
        line = self.line
        if self.child is not None:
            self.begin()
            self.child.go_on(foreground=self.foreground)
        elif line is not None and not self.foreground and (line.waits or line.programs):
            raise UsageError(f"job {self.number} needs the terminal", hint=f"fg %{self.number}")
        elif line is not None:
            self.begin()


current_job: ContextVar[Job | None] = ContextVar("current_job", default=None)
"""The job that the running code belongs to; None for code in the foreground."""

Run = Callable[[Job], Awaitable[int]]
Then = Callable[[int], Awaitable[None]]
"""A function that is called with an exit code."""


def job_words(words: Sequence[str]) -> Sequence[str]:
    """Return the full words of a command about jobs for short forms that other shells have: `kill
    %1`, `wait`, `wait -n`, `wait %1`. `kill` and `wait` with names without `%` are about sessions.
    """
    name, *rest = words or ("",)
    about_jobs = any(word.startswith("%") for word in rest)
    if (name == "kill" and about_jobs) or (
        name == "wait" and (about_jobs or list(rest) in ([], ["-n"]))
    ):
        return ("jobs", *words)
    return words


def _nothing(_job: Job) -> None:
    """The default of `on_change`, which does nothing."""


@define
class Jobs:
    """The jobs of one prompt or script.

    They run in `nursery`; without one, no job can be started. At most `limit` jobs run at a time, 0
    for no limit; the others wait in the order in which they were started.
    """

    nursery: "trio.Nursery | None" = None
    on_change: Callable[[Job], None] = _nothing
    """Called when a background job has ended or was stopped."""
    limit: int = 0
    profile: Callable[[], str] = lambda: ""
    """Returns the name of the profile that a job uses if it starts now."""
    in_front: list[Job] = field(factory=list)
    """The jobs in the foreground: the typed line, and what it has brought there; the last one has
    the terminal.
    """
    _jobs: dict[int, Job] = field(factory=dict)
    _queue: "deque[tuple[Job, Run]]" = field(factory=deque)

    def start(self, text: str, run: Run, *, keeps_folder: bool = False) -> Job:
        """Start a statement in the background, or queue it if the limit is reached; returns at
        once.
        """
        self._check()
        job = self._listed(Job(text, self.profile(), keeps_folder=keeps_folder))
        self._queue.append((job, run))
        self.feed()
        return job

    async def run_in_front(self, text: str, run: Run, line: "FrontLine | None" = None) -> int:
        """Run a program, or a typed line, in the foreground; returns its exit code. If it is
        stopped or moved to the background, it becomes a listed job.
        """
        self._check()
        job = Job(text, self.profile(), foreground=True, keeps_folder=line is None, line=line)
        if line is not None:
            line.on_stop = partial(self.note_stop, job)
            line.on_progress = partial(setattr, job, "doing")
        self._start(job, run)
        return await self._wait_in_front(job)

    def press(self, number: int, frame: "FrameType | None") -> bool:
        """Pass an interrupt to the line in the foreground; returns whether there is one."""
        lines = [job.line for job in self.in_front if job.line is not None]
        if lines:
            lines[-1].press(number, frame)
        return bool(lines)

    async def bring(self, job: Job, ready: Callable[[], None] = lambda: None) -> int:
        """Move a job to the foreground until it ends or is stopped; returns its exit code.

        `ready` is called when the job is in the foreground.
        """
        job.come_to_front()
        self.go_on(job)
        ready()
        try:
            return await self._wait_in_front(job)
        except BaseException:
            self.cancel(job)  # Ctrl-C may not reach the process of the job itself
            raise

    async def _wait_in_front(self, job: Job) -> int:
        self.in_front.append(job)
        try:
            await job.left()
        finally:
            self.in_front.remove(job)
            self.leave(job)
        if job.exit_code is not None:
            self._jobs.pop(job.number, None)
            return job.exit_code
        self.on_change(job)
        return _STOPPED_CODE

    def leave(self, job: Job) -> None:
        """Move a job to the background."""
        if not job.has_ended:
            self._listed(job)
        job.leave_front()

    def go_on(self, job: Job) -> None:
        """Continue a stopped job, or start a queued one."""
        for queued in [pair for pair in self._queue if pair[0] is job]:
            self._queue.remove(queued)
            self._start(*queued)
        job.go_on()

    def feed(self) -> None:
        """Start queued jobs, as many as the limit allows."""
        while self._queue and not (self.limit and len(self._of("running")) >= self.limit):
            self._start(*self._queue.popleft())

    def _start(self, job: Job, run: Run) -> None:
        import trio

        job.begin()
        # The job may be cancelled before its task runs for the first time.
        job.scope = scope = trio.CancelScope()
        self._check().start_soon(self._run, job, run, scope)

    def _check(self) -> "trio.Nursery":
        if self.nursery is None:
            raise UsageError("nothing can run in the background here", hint="leave out the &")
        return self.nursery

    def _listed(self, job: Job) -> Job:
        job.number = job.number or max(self._jobs, default=0) + 1
        # The job that was started or stopped last is the current one.
        self._jobs.pop(job.number, None)
        self._jobs[job.number] = job
        if job.line is not None:
            job.line.number = job.number
        return job

    async def _run(self, job: Job, run: Run, scope: "trio.CancelScope") -> None:
        if job.line is not None:
            current_line.set(job.line)
        else:
            current_job.set(job)
        code = int(ExitCode.INTERRUPTED)
        with scope:
            try:
                code = await run(job)
            except OSError as error:  # a process can't be started, or not in this folder
                warn(f"{job.text}: {from_os_error(error)}")
                code = ExitCode.FAILED
        job.end(code)
        if not job.foreground:
            self.on_change(job)
        self.feed()

    def note_stop(self, job: Job) -> None:
        """Note that a job was stopped by Ctrl-Z, or because it has read from the terminal."""
        if job.state == "stopped":
            return
        job.stop()
        if not job.foreground:
            self.on_change(job)
            self.feed()

    def all(self) -> list[Job]:
        """Return all jobs, oldest first. Those that have ended are returned once, and then
        forgotten.
        """
        jobs = sorted(self._jobs.values(), key=lambda job: job.number)
        self._jobs = {number: job for number, job in self._jobs.items() if not job.has_ended}
        return jobs

    def running(self) -> list[Job]:
        """Return the jobs that have not ended: running, queued or stopped."""
        return [job for job in self._jobs.values() if not job.has_ended]

    def _of(self, state: State) -> list[Job]:
        return [job for job in self._jobs.values() if job.state == state]

    def first_failure(self) -> int:
        """Return the exit code of the first job that has failed, or 0."""
        return next((job.exit_code for job in self._jobs.values() if job.exit_code), 0)

    def find(self, name: str = "") -> Job:
        """Return the job that a name means; raises NotFound for none or several.

        A name is `%2` or `2`, or `%` and the beginning of the job's line. An empty name, `%%` and
        `%+` mean the current job: the one that was stopped last, else the one that was started
        last and was not interrupted.
        """
        name = name.removeprefix("%")
        found: list[Job] = []
        if name in ("", "%", "+"):
            going_on = [job for job in self.running() if not job.is_ending]
            found = (self._of("stopped") or going_on)[-1:]
        elif name.isdecimal():
            found = [job for number, job in self._jobs.items() if number == int(name)]
        else:
            found = [job for job in self.running() if job.text.startswith(name)]
        if len(found) != 1:
            several = f"several jobs begin with {name!r}" if found else ""
            raise NotFound(several or (f"no job {name}" if name else "there is no job"))
        return found[0]

    def find_running(self, name: str = "") -> Job:
        """Return the job that a name means, as :meth:`find` does; raises NotFound also if it has
        ended.
        """
        job = self.find(name)
        if job.has_ended:
            raise NotFound(f"job {job.number} has ended")
        return job

    def cancel(self, job: Job) -> None:
        """Interrupt a job."""
        for queued in [pair for pair in self._queue if pair[0] is job]:
            self._queue.remove(queued)
            job.end(ExitCode.INTERRUPTED)
            self.on_change(job)
        if job.line is not None:
            job.line.end_programs()
        if job.scope is not None:
            job.scope.cancel()

    async def wait(self, job: Job) -> int:
        """Wait until a job has ended; returns its exit code. Raises AtollError if it is stopped."""
        await job.settled()
        if job.exit_code is None:
            raise AtollError(f"job {job.number} is stopped", hint="fg or bg continues it")
        self._jobs.pop(job.number, None)
        return job.exit_code

    async def wait_for_any(self) -> int:
        """Wait until any job has ended; returns its exit code. Raises NotFound if no job is
        running.
        """
        import trio

        waiting = [
            job for job in self._jobs.values() if job.state != "stopped" and not job.is_reported
        ]
        if not waiting:
            raise NotFound("no job is running")
        ended = next((job for job in waiting if job.has_ended), None)
        first: list[Job] = [ended] if ended else []

        async def watch(job: Job, scope: trio.CancelScope) -> None:
            await job.settled()
            first.append(job)
            scope.cancel()

        async with trio.open_nursery() as nursery:
            for job in [] if first else waiting:
                nursery.start_soon(watch, job, nursery.cancel_scope)
        return await self.wait(first[0])
