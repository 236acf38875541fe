"""Running the missing cases of a sweep, here or in a process of its own, and reporting the
result.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from atoll import ENVIRONMENT, AtollError, Context, ExitCode, UsageError
from atoll_sessions.sweep.detach import follow, spawn
from atoll_sessions.sweep.progress import FAILED, INTERRUPTED, WAITING, Progress
from atoll_sessions.sweep.report import LabelledReport, Report
from atoll_sessions.sweep.runner import SweepRunner
from atoll_sessions.sweep.store import Sweep
from atoll_sessions.sweep.summary import show_cases
from atoll_sessions.sweep.table import LiveTable, tally

if TYPE_CHECKING:
    from atoll import Api

RESUME, RETRY = "resume", "retry-failed"
_DUE = {RESUME: (WAITING, INTERRUPTED, FAILED), RETRY: (FAILED,)}

Connect = Callable[[], Awaitable["Api"]]


@frozen
class LaunchOptions:
    """How to run a sweep: which cases (`resume`, `retry-failed`), how many at a time, detached or
    not, and with which profile; None means the profile in use. The detached process itself is
    `silent`.
    """

    verb: str
    max_parallel: int
    detach: bool = False
    silent: bool = False
    profile: str | None = None


async def launch(context: Context, sweep: Sweep, options: LaunchOptions, connect: Connect) -> int:
    """Run the missing cases of a sweep; returns its exit code: 0 if all cases have ended with 0, 1
    if not, 130 if the sweep was interrupted.
    """
    if sweep.held():
        raise AtollError(f"sweep {sweep.id} is running", hint=f"atoll sweep status {sweep.id}")
    if options.silent:
        return await _run(context, sweep, options, connect)
    sweep.forget_cancel()
    if context.foreground and not options.detach:
        return await _run(context, sweep, options, connect)
    runs = sweep.progress().runs
    await spawn(context, sweep, options.verb, options.max_parallel, options.profile)
    context.output.note(f"sweep {sweep.id} runs in the background: atoll sweep status {sweep.id}")
    if options.detach:
        return ExitCode.OK
    # A job in the shell represents its sweep for as long as the prompt is open.
    code = await follow(sweep, runs)
    context.output.note(f"sweep {sweep.id}: {tally(sweep.progress())}")
    return code


async def _run(context: Context, sweep: Sweep, options: LaunchOptions, connect: Connect) -> int:
    numbers = sweep.progress().numbers(_DUE[options.verb])
    report = _report(context, sweep, silent=options.silent)
    runner = SweepRunner(context, sweep, report, connect, options.max_parallel)
    progress = await runner.run(numbers)
    if not options.silent and (progress.sessions or runner.failure is None):
        await _summarize(context, sweep, progress, runner)
    if runner.failure is not None:
        if progress.sessions or progress.runs > 1:
            context.output.note(f"atoll sweep resume {sweep.id} continues it")
        elif not options.silent:
            sweep.remove()  # no case of it ever ran
        raise runner.failure
    if runner.how != "finished":
        return ExitCode.INTERRUPTED
    return ExitCode.OK if progress.succeeded else ExitCode.FAILED


def _report(context: Context, sweep: Sweep, *, silent: bool) -> Report:
    if silent:
        return Report(context, sweep)
    output = context.output
    echo = sweep.plan.out is None and not output.format
    draws = output.stderr.isatty() and output.redraws and not output.quiet
    kind = LiveTable if draws else LabelledReport
    return kind(context, sweep, echo=echo)


async def _summarize(
    context: Context, sweep: Sweep, progress: Progress, runner: SweepRunner
) -> None:
    output, how = context.output, runner.how
    if not output.quiet or output.format:
        await show_cases(context, sweep, progress, all=False)
    output.note(f"sweep {sweep.id} {how}: {tally(progress)}")
    if how in ("interrupted", "cancelled"):
        output.note(f"atoll sweep resume {sweep.id} runs what is missing or failed")
    elif progress.counts[FAILED]:
        output.note(f"atoll sweep retry-failed {sweep.id} runs again what failed")
    if progress.sessions and not sweep.plan.remove:
        others = f", except {', '.join(runner.ended)}" if runner.ended else ""
        output.note(f"its sessions are kept{others}, tagged {sweep.plan.tag}; --rm removes them")


def profile_of(sweep: Sweep) -> str | None:
    """Return the name of a sweep's profile; None if environment variables define the profile."""
    return None if sweep.plan.profile == ENVIRONMENT else sweep.plan.profile


def connector(context: Context, sweep: Sweep) -> Connect:
    """Return the function that connects to the cluster of a sweep."""
    if name := profile_of(sweep):
        return partial(context.connect, name)

    async def connect() -> "Api":
        api = await context.connect()
        if api.profile.name != ENVIRONMENT:
            raise UsageError(
                f"sweep {sweep.id} runs on the cluster of BACKEND_ENDPOINT, which is not set"
            )
        return api

    return connect
