"""Jobs of a script that goes to other folders: processes, which keep the folder that they began in.

Other scripts run their jobs themselves, which starts them sooner: all of these share the one folder
that a process has.
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
    """Starts the jobs of a script, whose output goes where the script's goes."""

    @classmethod
    def of(cls, program: Program, jobs: Jobs, output_format: str, **ways: bool) -> "ScriptControl":
        """Make one; `ways` are those in which the script runs its lines, as a Task has them."""
        reader = PlainReader(Source(None), ShellState())
        return cls(program, jobs, reader, None, output_format, ways=ways)

    @asynccontextmanager
    async def _started(
        self, job: Job, command: Sequence[str], **options: Any
    ) -> AsyncIterator[Child]:
        sys.stdout.flush()
        stdin = subprocess.DEVNULL
        yield await Child.start(command, cwd=job.folder or None, stdin=stdin, **options)
