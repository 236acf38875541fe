"""Reads and runs lines until the user leaves the prompt."""

import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from functools import partial
from textwrap import shorten

import trio
from attrs import define, field

from atoll._errors import ExitCode
from atoll._foreground import Foreground
from atoll._front_line import FrontLine
from atoll._interpreter import Interpreter
from atoll._jobs import Job
from atoll._line import parse
from atoll._program import Program
from atoll._runner import Runner
from atoll._runtime import is_interrupt
from atoll._shell.background import OWN, Supervisor
from atoll._shell.exit_watchdog import ExitWatchdog
from atoll._shell.front import Front, diverted
from atoll._shell.job_control import JobControl
from atoll._shell.reader import Cleared, Left, Reader
from atoll._shell.target import ProfileWatcher
from atoll._state import ShellState
from atoll._syntax import LineError, Node
from atoll._terminal import Source
from atoll._warnings import warn

_SIGNALLED = 128
_SHOWN = 60
"""The most characters of a job's line that are repeated when the job ends."""


@define
class Shell:
    """One prompt, from its first line to its last."""

    program: Program
    reader: Reader
    state: ShellState
    watchdog: ExitWatchdog
    stdin: Source = field(factory=Source)
    output_format: str = ""
    _asked: int | None = field(default=None, init=False)
    """The exit code for leaving; set after the user was told about running jobs."""
    _is_signalled: bool = field(default=False, init=False)
    """Whether a signal ends the prompt, whatever runs."""

    async def run(self) -> int:
        """Run lines until the user leaves, or a signal ends the process; returns the exit code."""
        control = self._control()
        with (
            trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as ends,
            Front(control).hearing_stops(),
            self.watchdog.watching(signal.SIGTERM, signal.SIGHUP),
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._leave_on_signal, ends, nursery.cancel_scope)
                self.state.jobs.nursery = nursery
                nursery.start_soon(self._run_background)
                with diverted(control):
                    await self._run_lines(control)
                self._leave(nursery.cancel_scope)
            self.watchdog.done()
        return self.state.leaving or ExitCode.OK

    async def _run_background(self) -> None:
        """Do the background work of the prompt, once the prompt is on the screen."""
        supervisor = Supervisor(self.program, self.state)
        await self.reader.wait_until_drawn()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            nursery.start_soon(supervisor.supervise, OWN, "completion", self.reader.run_background)
            watcher = ProfileWatcher(self.program.target, self.state)
            nursery.start_soon(supervisor.supervise, OWN, "looking at profiles", watcher.run)

    async def _leave_on_signal(self, ends: AsyncIterator[int], scope: trio.CancelScope) -> None:
        async for number in ends:
            self.state.leaving, self._is_signalled = _SIGNALLED + number, True
            self._leave(scope)

    def _leave(self, scope: trio.CancelScope) -> None:
        """Cancel everything in this process; tasks that ignore this do not keep the prompt open."""
        self.watchdog.begin()
        for job in self.state.jobs.running():
            if job.line is not None:
                job.line.end_programs()
        scope.cancel()

    async def _run_lines(self, control: JobControl) -> None:
        while self.state.leaving is None:
            self.state.profile_name = self.program.target.name
            try:
                await self._read_and_run(control)
            except BaseException as error:
                # The keys that interrupt raise no such error here, but the code of a plugin may.
                if not is_interrupt(error):
                    raise
                self.state.last_code = ExitCode.INTERRUPTED

    async def _read_and_run(self, control: JobControl) -> None:
        try:
            line = await self.reader.read()
        except Cleared:
            return
        except Left:
            if self.state.leaving is None:
                self.state.leaving = self._asked or ExitCode.OK
        else:
            began = time.monotonic()
            await self._run_line(line, control)
            await self.reader.record_end(self.state.last_code, time.monotonic() - began)
        self._stay_if_jobs_run()

    def _control(self) -> JobControl:
        state, foreground = self.state, Foreground.of(sys.stdin)
        control = JobControl(
            self.program, state.jobs, self.reader, foreground, self.output_format, state.redraw
        )
        state.jobs.on_change = partial(self._report_change, control)
        state.jobs.limit = max(self.program.settings["shell.jobs_limit"], 0)
        state.jobs.profile = lambda: state.profile_name
        return control

    async def _run_line(self, text: str, control: JobControl) -> None:
        """Run a line until it ends, or until Ctrl-Z moves it to the background."""
        try:
            nodes = parse(text)
        except LineError as error:
            warn(str(error))
            self.state.last_code = error.exit_code
            return
        runner = Runner(
            self.program,
            self.state.jobs,
            self.stdin,
            self.output_format,
            shell=self.state,
            control=control,
        )
        line = FrontLine()
        line.on_move = partial(self._leave_line, line)
        run = partial(self._run_nodes, nodes, Interpreter(runner, self.program.variables))
        code = await self.state.jobs.run_in_front(text, run, line)
        self.state.last_code = self.program.variables.last_code = code

    async def _run_nodes(self, nodes: Sequence[Node], interpreter: Interpreter, job: Job) -> int:
        """Run the statements of a line, up to the first that fails."""
        code = int(ExitCode.OK)
        for node in nodes:
            with self.state.busy() if job.foreground else nullcontext():
                code = await self._run_node(node, interpreter)
            if job.foreground:
                self._note_end(code)
            if interpreter.ends(code):
                break
        return code

    async def _run_node(self, node: Node, interpreter: Interpreter) -> int:
        try:
            return await interpreter.run_one(node)
        except BaseException as error:
            # The keys that interrupt raise no such error here, but the code of a plugin may.
            if not is_interrupt(error):
                raise
            return ExitCode.INTERRUPTED

    def _note_end(self, code: int) -> None:
        """Note the end of a statement in the foreground."""
        self.state.last_code, self.state.last_seconds = code, self.program.last_seconds
        self.reader.note_command()
        if self.state.leaving is None:
            self._asked = None

    def _leave_line(self, line: FrontLine) -> None:
        """Let a line go on in the background with what it has now: further changes of the prompt's
        variables and profile are not about it.
        """
        line.target = self.program.target.keep()
        self.program.variables = self.program.variables.copy()
        self.state.release()
        self.reader.begin_line()

    def _stay_if_jobs_run(self) -> None:
        """At the first attempt to leave while jobs run, stay and tell the user about them."""
        jobs = self.state.jobs.running()
        if self.state.leaving is None or not jobs or self._asked is not None:
            return
        if self._is_signalled:
            return
        self._asked, self.state.leaving = self.state.leaving, None
        warn(f"{_left(jobs)}: leaving again interrupts {'it' if len(jobs) == 1 else 'them'}")

    def _report_change(self, control: JobControl, job: Job) -> None:
        """Report that a job has ended, or was stopped."""
        code = f" ({job.exit_code})" if job.exit_code else ""
        more = " (fg brings it back)" if job.state == "stopped" else ""
        state = f"{job.state}{code}"
        if job.line is not None and job.state == "running":
            state, more = "goes on in the background", f" (fg %{job.number} brings it back)"
        text = f"[{job.number}] {state}: {shorten(job.text, _SHOWN)}{more}\n"
        job.is_reported = job.has_ended
        control.tell(text)
        self.reader.note_job_end()


def _left(jobs: Sequence[Job]) -> str:
    """Return how many jobs there are, and in which state."""
    state = "stopped" if all(job.state == "stopped" for job in jobs) else "running"
    return f"a job is {state}" if len(jobs) == 1 else f"{len(jobs)} jobs are {state}"
