"""The prompt's own toolbar segments, and the stopwatch for one of them."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from atoll._context import program_of

if TYPE_CHECKING:
    from atoll._context import Context
    from atoll._state import ShellState

_SHORTEST = 1.0


def profile(state: "ShellState") -> str:
    """The profile that the next command uses."""
    return state.profile_name


def jobs(state: "ShellState") -> str:
    """The number of jobs, with stopped and queued ones counted separately, and the progress of the
    last one.
    """
    jobs = state.jobs.running()
    if not jobs:
        return ""
    counts = Counter(job.state for job in jobs)
    others = [f"{counts[one]} {one}" for one in ("stopped", "queued") if counts[one]]
    doing = [job.doing for job in jobs if job.doing][-1:]
    return ", ".join([f"{len(jobs)} job{'s' * (len(jobs) > 1)}", *others, *doing])


def last(state: "ShellState") -> str:
    """The exit code of the last command, and how long it took if that was long."""
    parts = [f"exit {state.last_code}"] if state.last_code else []
    if (seconds := state.last_seconds) >= _SHORTEST:
        parts.append(f"took {seconds:.1f} s")
    return ", ".join(parts)


def names(state: "ShellState") -> str:
    """Whether completion offers old names because the cluster returns no new ones."""
    return "names are old" if state.names_old else ""


@asynccontextmanager
async def stopwatch(context: "Context") -> AsyncIterator[None]:
    """Measure how long a command takes."""
    started = time.monotonic()
    try:
        yield
    finally:
        if context.foreground:
            program_of(context).last_seconds = time.monotonic() - started
