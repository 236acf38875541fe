"""Read a line, run it, and again: what the prompt does until it is left."""

import signal
import sys
import time
from collections.abc import AsyncIterator
from textwrap import shorten

import trio
from attrs import define, field

from atoll._errors import ExitCode
from atoll._interpreter import Interpreter
from atoll._jobs import Job, current_job
from atoll._line import parse
from atoll._program import Program
from atoll._runner import Runner
from atoll._shell.background import OWN, Supervisor
from atoll._shell.leaving import Leaving
from atoll._shell.reader import Cleared, Left, Reader
from atoll._shell.target import Lookout
from atoll._state import ShellState
from atoll._syntax import LineError
from atoll._terminal import Source
from atoll._warnings import warn

_SIGNALLED = 128
_SHOWN = 60
"""How many characters of a job's line are repeated at its end."""


@define
class Shell:
    """One prompt, from its first line to its last."""

    program: Program
    reader: Reader
    state: ShellState
    leaving: Leaving
    stdin: Source = field(factory=Source)
    output_format: str = ""
    _warned: bool = field(default=False, init=False)

    async def run(self) -> int:
        """Run lines until the user leaves or the process is told to; returns the exit code."""
        with (
            trio.open_signal_receiver(signal.SIGTERM, signal.SIGHUP) as ends,
            # Ctrl-C is for the prompt and for commands; between the two it hits nothing.
            trio.open_signal_receiver(signal.SIGINT) as presses,
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_ignore, presses)
                nursery.start_soon(self._leave_on_signal, ends, nursery.cancel_scope)
                self.state.jobs.nursery, self.state.jobs.on_end = nursery, self._tell_end
                nursery.start_soon(self._work_beside)
                await self._run_lines()
                self._leave(nursery.cancel_scope)
            self.leaving.done()
        return self.state.leaving or ExitCode.OK

    async def _work_beside(self) -> None:
        """Run what lives as long as the prompt, once that is on the screen."""
        supervisor = Supervisor(self.program, self.state)
        await self.reader.drawn()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            nursery.start_soon(supervisor.supervise, OWN, "completion", self.reader.beside)
            lookout = Lookout(self.program.target, self.state)
            nursery.start_soon(supervisor.supervise, OWN, "looking at profiles", lookout.run)

    async def _leave_on_signal(self, ends: AsyncIterator[int], scope: trio.CancelScope) -> None:
        async for number in ends:
            self.state.leaving, self._warned = _SIGNALLED + number, True
            self._leave(scope)

    def _leave(self, scope: trio.CancelScope) -> None:
        """Cancel all that runs here; what does not end by that does not keep the prompt open."""
        self.leaving.begin()
        scope.cancel()

    async def _run_lines(self) -> None:
        runner = Runner(
            self.program, self.state.jobs, self.stdin, self.output_format, shell=self.state
        )
        interpreter = Interpreter(runner, self.program.variables)
        while self.state.leaving is None:
            self.state.profile_name = self.program.target.name
            try:
                line = await self.reader.read()
            except Cleared:
                continue
            except Left:
                if self.state.leaving is None:
                    self.state.leaving = ExitCode.OK
            else:
                began = time.monotonic()
                await self._run_line(line, interpreter)
                await self.reader.done(self.state.last_code, time.monotonic() - began)
            self._stay_for_jobs()

    async def _run_line(self, line: str, interpreter: Interpreter) -> None:
        """Run the statements of a line, up to the first that fails."""
        try:
            nodes = parse(line)
        except LineError as error:
            warn(str(error))
            self.state.last_code = error.exit_code
            return
        for node in nodes:
            self._warned = False
            with self.state.busy():
                self.state.last_code = await interpreter.run_one(node)
                self.state.last_seconds = self.program.last_seconds
                self.reader.ran()
            if interpreter.ends(self.state.last_code):
                break

    def _stay_for_jobs(self) -> None:
        """Keep the user from leaving jobs behind, once."""
        running = len(self.state.jobs.running())
        if self.state.leaving is None or not running or self._warned:
            return
        self.state.leaving = None
        self._warned = True
        them = "a job is running" if running == 1 else f"{running} jobs are running"
        warn(f"{them}: leaving again interrupts {'it' if running == 1 else 'them'}")

    def _tell_end(self, job: Job) -> None:
        self.reader.ended(job)
        # What is said about a job is none of its output.
        current_job.set(None)
        code = f" ({job.exit_code})" if job.exit_code else ""
        sys.stderr.write(f"[{job.number}] {job.state}{code}: {shorten(job.text, _SHOWN)}\n")


async def _ignore(presses: AsyncIterator[int]) -> None:
    async for _ in presses:
        pass
