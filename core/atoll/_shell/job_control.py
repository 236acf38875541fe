"""Runs the jobs of a prompt, and programs of the system that use its terminal.

Each is a process of its own, so none blocks another.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

import trio
from attrs import define, field

from atoll._background_part import BackgroundPart
from atoll._children import Child
from atoll._foreground import Foreground
from atoll._front_line import moved_line
from atoll._job_main import SIGNALS, Task
from atoll._jobs import Job, Jobs, Run, Then
from atoll._program import Program
from atoll._shell.job_output import follow_progress, relay
from atoll._shell.reader import Reader
from atoll._statement import Statement

Name = Literal["stdout", "stderr"]

_SHELL = ("/bin/sh", "-c")
_GRACE = 3.0
"""Seconds that a program of the system has to end."""
_JOB_GRACE = 60.0
"""Seconds that a command has to end, since it may have to remove sessions."""
_OUTPUT_TIMEOUT = 1.0
"""Seconds to wait for output after the end of a job; a process that the job has left running may
keep the pipe open.
"""


_HELD = 2**20
"""Characters of output that are held while a program has the screen; jobs that write more must
wait.
"""


async def _run_then(run: Run, then: Then, job: Job) -> int:
    code = await run(job)
    await then(code)
    return code


@define
class JobControl:
    """Starts the processes of a prompt; `reader` shows the output of jobs on the screen."""

    program: Program
    jobs: Jobs
    reader: Reader
    foreground: Foreground | None
    output_format: str = ""
    redraw: Callable[[], None] = lambda: None
    """Redraws the toolbar."""
    task_options: Mapping[str, bool] = field(factory=dict)
    """The fields of a Task that say how a script runs its lines."""
    _held: list[tuple[Name, str]] = field(factory=list)
    """Output that is shown when the program gives the terminal back."""
    _returned: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        if self.foreground is not None:
            self.foreground.on_return = self._note_return

    @property
    def takes_system(self) -> bool:
        """Whether there is a terminal that programs of the system can use."""
        return self.foreground is not None

    async def run_system(self, statement: Statement) -> int:
        """Run a program of the system in the foreground until it ends or is stopped; in the
        background for a line that Ctrl-Z has moved there.
        """
        if (line := moved_line()) is not None:
            job = next(job for job in self.jobs.running() if job.line is line)
            return await self._run_beside(job, statement.system, statement.variables)
        return await self.jobs.run_in_front(statement.text, partial(self._run_in_front, statement))

    def start(self, part: BackgroundPart, then: Then | None = None) -> Job:
        """Start a part of a line in the background; `then` is called with its exit code."""
        if part.system:
            run = partial(self._run_program, part)
        else:
            # The task describes the prompt at this moment, even if the job is queued.
            task = Task.of(part, self.program, self.output_format, **self.task_options)
            run = partial(self._run_task, task)
        run = partial(_run_then, run, then) if then else run
        return self.jobs.start(part.node.text, run, keeps_folder=True)

    async def _run_in_front(self, statement: Statement, job: Job) -> int:
        command = (*_SHELL, statement.system)
        child = await Child.start(
            command,
            foreground=self.foreground,
            cwd=job.folder or None,
            env={**os.environ, **statement.variables},
        )
        return await self._attend(job, child, signal.SIGTERM, _GRACE)

    async def _run_program(self, part: BackgroundPart, job: Job) -> int:
        return await self._run_beside(job, part.system, part.variables.exported())

    async def _run_beside(self, job: Job, command: str, variables: Mapping[str, str]) -> int:
        """Run a command of the system without the terminal."""
        environ = {**os.environ, **variables}
        async with self._started(job, (*_SHELL, command), env=environ) as child:
            return await self._attend(job, child, signal.SIGTERM, _GRACE)

    async def _run_task(self, task: Task, job: Job) -> int:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = (*self.program.job_command, str(theirs.fileno()))
            async with self._started(
                job, command, blocked=SIGNALS, pass_fds=(theirs.fileno(),)
            ) as child:
                theirs.close()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(follow_progress, ours, pickle.dumps(task), job, self.redraw)
                    code = await self._attend(job, child, signal.SIGINT, _JOB_GRACE)
                    nursery.cancel_scope.cancel()
                    return code

    @asynccontextmanager
    async def _started(
        self, job: Job, command: Sequence[str], **options: Any
    ) -> AsyncIterator[Child]:
        """Start a program whose output is shown line by line; after its end, wait for the last
        output.
        """
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        try:
            child = await Child.start(
                command,
                cwd=job.folder or None,
                stdin=subprocess.DEVNULL,
                stdout=out_end,
                stderr=err_end,
                **options,
            )
        except BaseException:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(out_end)
            os.close(err_end)
        child.foreground = self.foreground
        async with trio.open_nursery() as nursery:
            nursery.start_soon(relay, out, job, partial(self._show, job, "stdout"))
            nursery.start_soon(relay, err, job, partial(self._show, job, "stderr"))
            yield child
            nursery.cancel_scope.deadline = trio.current_time() + _OUTPUT_TIMEOUT

    async def _show(self, job: Job, name: Name, text: str) -> None:
        if job.foreground:
            file = getattr(sys, name)
            file.write(text)
            file.flush()
            await self.reader.drain()
            return
        await self.room()
        self.put(name, text)
        await self.reader.drain()

    async def room(self) -> None:
        """Wait while too much output is held."""
        while self._is_lent and sum(len(held) for _, held in self._held) > _HELD:
            await self._returned.wait()

    def tell(self, text: str) -> None:
        """Print whole lines about a job."""
        self.put("stderr", text)

    def put(self, name: Name, text: str) -> None:
        """Print whole lines, as soon as no program has the screen."""
        if self._is_lent:
            # A program has the screen, perhaps an editor.
            self._held.append((name, text))
        else:
            self.reader.put(name, text)

    @property
    def _is_lent(self) -> bool:
        return self.foreground is not None and self.foreground.lent != 0

    def _note_return(self) -> None:
        self.reader.begin_line()
        held, self._held = self._held, []
        for name, text in held:
            self.reader.put(name, text)
        self._returned.set()
        self._returned = trio.Event()

    async def _attend(self, job: Job, child: Child, end: int, grace: float) -> int:
        """Watch a program until it has ended; returns its exit code."""
        job.child = child
        try:
            if job.foreground and not self._is_lent:
                child.go_on(
                    foreground=True
                )  # it was brought to the foreground before it had started
            while (change := await child.change()) != "ended":
                if change == "stopped":
                    self.jobs.note_stop(job)
                elif job.state == "stopped":
                    job.begin()
        except trio.Cancelled:
            ended_alone = job.scope is not None and job.scope.cancel_called
            await child.end(end if ended_alone else signal.SIGTERM, grace)
            raise
        finally:
            child.give_back()
            job.child = None
        return child.code
