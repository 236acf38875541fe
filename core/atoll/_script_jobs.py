"""Runs the jobs of a script that may change its folder as processes, which keep the folder of
their start.

Other scripts run their jobs in their own process, which starts the jobs sooner; all of them use the
one folder of that process.
"""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from attrs import define

from atoll._children import Child
from atoll._jobs import Job, Jobs
from atoll._program import Program
from atoll._shell.job_control import JobControl
from atoll._shell.plain import PlainReader
from atoll._state import ShellState
from atoll._terminal import Source


@define
class ScriptControl(JobControl):
    """Starts the jobs of a script; their output goes where the script's output goes."""

    @classmethod
    def of(
        cls, program: Program, jobs: Jobs, output_format: str, **task_options: bool
    ) -> "ScriptControl":
        """Make the control of a script; `task_options` are fields of each Task: how it runs its
        lines.
        """
        reader = PlainReader(Source(None), ShellState())
        return cls(program, jobs, reader, None, output_format, task_options=task_options)

    @asynccontextmanager
    async def _started(
        self, job: Job, command: Sequence[str], **options: Any
    ) -> AsyncIterator[Child]:
        sys.stdout.flush()
        stdin = subprocess.DEVNULL
        yield await Child.start(command, cwd=job.folder or None, stdin=stdin, **options)
