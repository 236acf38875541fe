"""Detached sweeps, each of which runs in its own process."""

import trio

from atoll import AtollError, Context, ExitCode, current_job
from atoll_sessions.sweep.lock import until
from atoll_sessions.sweep.progress import Progress
from atoll_sessions.sweep.store import Sweep

_START = 30.0


async def spawn(
    context: Context, sweep: Sweep, verb: str, max_parallel: int, profile: str | None
) -> None:
    """Start a process that runs the sweep, independently of this terminal and folder, and of later
    changes to the profile. `profile` None means the profile in use.
    """
    words = ["sweep", verb, sweep.id, "--silent", "--max-parallel", str(max_parallel)]
    await context.spawn(words, sweep.folder / "log", profile)


async def follow(sweep: Sweep, runs: int) -> int:
    """Wait for the end of the sweep whose process was just started; returns its exit code.

    `runs` is how often the sweep had been run before. If the job that follows the sweep is
    cancelled, the sweep is ended; if the user leaves the prompt, it continues.
    """
    try:
        return _exit_code(sweep, await _ended(sweep, runs))
    except trio.Cancelled:
        job = current_job.get()
        if job is not None and job.scope is not None and job.scope.cancel_called:
            sweep.ask_cancel()
        raise


async def _ended(sweep: Sweep, runs: int) -> Progress:
    with trio.move_on_after(_START):
        await until(lambda: sweep.progress().runs > runs)
    await until(lambda: not sweep.held())
    progress = sweep.progress()
    if progress.runs == runs:
        raise AtollError(f"sweep {sweep.id} did not start", hint=f"see {sweep.folder / 'log'}")
    return progress


def _exit_code(sweep: Sweep, progress: Progress) -> int:
    if progress.succeeded:
        return ExitCode.OK
    return ExitCode.FAILED if sweep.status(progress) == "failed" else ExitCode.INTERRUPTED
