"""Taking a sweep up, here or in a process of its own, and telling how it came out."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from atoll import ENVIRONMENT, AtollError, Context, ExitCode, UsageError
from atoll_sessions.sweep.conduct import Conduct
from atoll_sessions.sweep.detach import follow, spawn
from atoll_sessions.sweep.progress import FAILED, INTERRUPTED, WAITING, Progress
from atoll_sessions.sweep.store import Sweep
from atoll_sessions.sweep.summary import show_cases
from atoll_sessions.sweep.table import LiveTable, tally
from atoll_sessions.sweep.view import Labelled, View

if TYPE_CHECKING:
    from atoll import Api

RESUME, RETRY = "resume", "retry-failed"
_DUE = {RESUME: (WAITING, INTERRUPTED, FAILED), RETRY: (FAILED,)}

Connect = Callable[[], Awaitable["Api"]]


@frozen
class Turn:
    """How to take a sweep up: which cases (`resume`, `retry-failed`), how many at a time, in a
    process of its own or not. A `silent` one is that process.
    """

    verb: str
    max_parallel: int
    detach: bool = False
    silent: bool = False


async def take_turn(context: Context, sweep: Sweep, turn: Turn, connect: Connect) -> int:
    """Run what is due of a sweep; returns its exit code: 0 if all cases have ended with 0, else 1;
    130 when interrupted.
    """
    if sweep.held():
        raise AtollError(f"sweep {sweep.id} is running", hint=f"atoll sweep status {sweep.id}")
    if turn.silent:
        return await _run(context, sweep, turn, connect)
    sweep.forget_cancel()
    if context.foreground and not turn.detach:
        return await _run(context, sweep, turn, connect)
    runs = sweep.progress().runs
    spawn(context, sweep, turn.verb, turn.max_parallel)
    context.output.note(f"sweep {sweep.id} goes on by itself: atoll sweep status {sweep.id}")
    if turn.detach:
        return ExitCode.OK
    # A job stands for its sweep for as long as its prompt is open.
    code = await follow(sweep, runs)
    context.output.note(f"sweep {sweep.id}: {tally(sweep.progress())}")
    return code


async def _run(context: Context, sweep: Sweep, turn: Turn, connect: Connect) -> int:
    numbers = sweep.progress().numbers(_DUE[turn.verb])
    view = _view(context, sweep, silent=turn.silent)
    conduct = Conduct(context, sweep, view, connect, turn.max_parallel)
    progress = await conduct.run(numbers)
    if not turn.silent and (progress.sessions or conduct.failure is None):
        await _report(context, sweep, progress, conduct)
    if conduct.failure is not None:
        if progress.sessions or progress.runs > 1:
            context.output.note(f"atoll sweep resume {sweep.id} goes on from here")
        elif not turn.silent:
            sweep.remove()  # nothing of it ever ran
        raise conduct.failure
    if conduct.how != "finished":
        return ExitCode.INTERRUPTED
    return ExitCode.OK if progress.succeeded else ExitCode.FAILED


def _view(context: Context, sweep: Sweep, *, silent: bool) -> View:
    if silent:
        return View(context, sweep)
    output = context.output
    echo = sweep.plan.out is None and not output.format
    kind = LiveTable if output.stderr.isatty() and not output.quiet else Labelled
    return kind(context, sweep, echo=echo)


async def _report(context: Context, sweep: Sweep, progress: Progress, conduct: Conduct) -> None:
    output, how = context.output, conduct.how
    if not output.quiet or output.format:
        await show_cases(context, sweep, progress, all=False)
    output.note(f"sweep {sweep.id} {how}: {tally(progress)}")
    if how in ("interrupted", "cancelled"):
        output.note(f"atoll sweep resume {sweep.id} runs what is missing or failed")
    elif progress.counts[FAILED]:
        output.note(f"atoll sweep retry-failed {sweep.id} runs again what failed")
    if progress.sessions and not sweep.plan.remove:
        others = f", but for {', '.join(conduct.ended)}" if conduct.ended else ""
        output.note(f"its sessions are kept{others}, tagged {sweep.plan.tag}; --rm removes them")


def connector(context: Context, sweep: Sweep) -> Connect:
    """Return how to connect to the cluster that a sweep was begun on."""
    name = sweep.plan.profile
    if name != ENVIRONMENT:
        return partial(context.program.connect, name, context.output.note)

    async def connect() -> "Api":
        api = await context.connect()
        if api.profile.name != ENVIRONMENT:
            raise UsageError(
                f"sweep {sweep.id} runs on the cluster of BACKEND_ENDPOINT, which is not set"
            )
        return api

    return connect
