"""The commands about sweeps: `sweep list`, `status`, `logs`, `cancel`, `resume`, `retry-failed`,
`rm`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import trio
from attrs import frozen

from atoll import AtollError, ConfigError, Context, Name, NotFound, UsageError
from atoll.output import Column, age, counted, local_time
from atoll_sessions.sweep.launch import RESUME, RETRY, LaunchOptions, connector, launch, profile_of
from atoll_sessions.sweep.lock import until
from atoll_sessions.sweep.options import MAX_PARALLEL
from atoll_sessions.sweep.plan import Plan
from atoll_sessions.sweep.progress import DONE, FAILED, RUNNING, Progress
from atoll_sessions.sweep.sessions import end_own_sessions
from atoll_sessions.sweep.store import Stream, Sweep, Sweeps
from atoll_sessions.sweep.summary import show_cases
from atoll_sessions.sweep.table import tally

_TIMEOUT = 60.0
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")


@frozen
class _Listed:
    """A sweep with its current status."""

    sweep: Sweep
    plan: Plan
    progress: Progress
    status: str


def _count(status: str) -> Any:
    return lambda listed: listed.progress.counts[status]


_COLUMNS = [
    Column("id", "Sweep", keep=True, get=lambda listed: listed.sweep.id),
    Column("status"),
    Column("cases", right=True, get=lambda listed: listed.plan.count),
    Column("waiting", right=True, get=lambda listed: listed.progress.waiting),
    Column("running", right=True, get=_count(RUNNING)),
    Column("done", right=True, get=_count(DONE)),
    Column("failed", right=True, get=_count(FAILED)),
    Column("created", show=local_time, brief=age, get=lambda listed: listed.plan.created),
    Column("line", get=lambda listed: listed.plan.line),
]


@click.command()
async def list_sweeps(context: Context) -> None:
    """List sweeps, the newest first."""
    await context.output.rows(_listed(context), _COLUMNS)


def _listed(context: Context) -> Iterator[_Listed]:
    for sweep in Sweeps.of(context.paths).all():
        try:
            plan, progress = sweep.plan, sweep.progress()
        except AtollError as error:
            context.output.warn(str(error))
            continue
        yield _Listed(sweep, plan, progress, sweep.status(progress))


def find_sweep(context: Context, reference: str | None) -> Sweep:
    """Return a sweep, the newest if none is named; raises NotFound."""
    sweeps = Sweeps.of(context.paths)
    if reference is not None:
        return sweeps.find(reference)
    newest = next(iter(sweeps.all()), None)
    if newest is None:
        raise NotFound("there is no sweep", hint="run … --env-range=X=case:1,2 makes one")
    return newest


@click.command()
@click.argument("sweep", required=False, type=Name("sweep"))
async def status(context: Context, sweep: str | None) -> None:
    """Show how the cases of a sweep stand, of the newest if none is named."""
    found = find_sweep(context, sweep)
    progress = found.progress()
    await show_cases(context, found, progress, all=True)
    why = f"; it was stopped: {progress.ending.why}" if progress.ending.why else ""
    context.output.note(f"sweep {found.id} {found.status(progress)}: {tally(progress)}{why}")


@click.command()
@click.argument("sweep", type=Name("sweep"))
@click.argument("cases", nargs=-1, type=click.IntRange(1))
async def logs(context: Context, sweep: str, cases: tuple[int, ...]) -> None:
    """Show what CASES have printed, by their numbers; what all have, each line labelled, if none is
    named.
    """
    found = find_sweep(context, sweep)
    plan = found.plan
    if wrong := [number for number in cases if number > plan.count]:
        raise NotFound(f"sweep {found.id} has no case {wrong[0]}", hint=f"it has {plan.count}")
    for number in cases or sorted(found.progress().states):
        label = "" if cases else f"{plan.case(number).label} "
        for stream in _STREAMS:
            await _show_file(context, found, number, stream, label)


async def _show_file(
    context: Context, sweep: Sweep, number: int, stream: Stream, label: str
) -> None:
    try:
        file = sweep.output(number, stream).open(encoding="utf-8", errors="replace", newline="")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            end = "" if line.endswith("\n") or not label else "\n"
            context.output.stream(stream, f"{label}{line}{end}")
            await context.output.drain()


@click.command()
@click.argument("sweeps", nargs=-1, required=True, type=Name("sweep"))
async def cancel(context: Context, sweeps: tuple[str, ...]) -> None:
    """End sweeps, and their sessions; `sweep resume` can go on with them."""
    for reference in sweeps:
        found = find_sweep(context, reference)
        was_running = found.held()
        await _stop(found)
        try:
            ended = await _end_sessions(context, found)
        except (NotFound, ConfigError) as error:
            if not was_running:
                raise
            # The profile belonged to the process that ran the sweep, and exists no more.
            context.output.note(f"sweep {found.id} is cancelled; {error}")
            continue
        what = "is cancelled" if was_running else "was not running"
        left = counted(ended, "session")
        also = f"; {left} that it had left {'is' if ended == 1 else 'are'} ended" if ended else ""
        context.output.note(f"sweep {found.id} {what}{also}")


async def _end_sessions(context: Context, sweep: Sweep) -> int:
    """Terminate the sessions that a sweep has left; returns how many. Raises NotFound if the
    sweep's profile no longer exists.
    """
    plan, progress = sweep.plan, sweep.progress()
    if not progress.runs:
        return 0
    due = set(range(1, plan.count + 1)) - set(progress.numbers([DONE, FAILED]))
    api = await connector(context, sweep)()
    return await end_own_sessions(api, plan, all_cases=plan.remove, due=due)


async def _stop(sweep: Sweep) -> None:
    """Ask the process that runs the sweep to end it, even if that is another process."""
    sweep.ask_cancel()
    with trio.move_on_after(_TIMEOUT):
        await until(lambda: not sweep.held())
    if sweep.held():
        raise AtollError(f"sweep {sweep.id} does not end")


def _turn_options(command: Any) -> Any:
    options = [
        click.argument("sweep", type=Name("sweep")),
        click.option("--max-parallel", type=click.IntRange(1), help="How many sessions at a time."),
        click.option(
            "--detach", is_flag=True, help="Run it in the background, in a process of its own."
        ),
        click.option("--silent", is_flag=True, hidden=True),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_turn_options
async def resume(
    context: Context, sweep: str, max_parallel: int | None, detach: bool, silent: bool
) -> int:
    """Go on with a sweep: run the cases that are missing or failed."""
    return await _take_up(context, sweep, RESUME, max_parallel, detach=detach, silent=silent)


@click.command()
@_turn_options
async def retry_failed(
    context: Context, sweep: str, max_parallel: int | None, detach: bool, silent: bool
) -> int:
    """Run again those cases of a sweep that failed."""
    return await _take_up(context, sweep, RETRY, max_parallel, detach=detach, silent=silent)


async def _take_up(
    context: Context,
    reference: str,
    verb: str,
    max_parallel: int | None,
    *,
    detach: bool,
    silent: bool,
) -> int:
    found = find_sweep(context, reference)
    parallel = max_parallel or found.plan.max_parallel or MAX_PARALLEL
    profile = profile_of(found)
    how = LaunchOptions(verb, parallel, detach=detach, silent=silent, profile=profile)
    return await launch(context, found, how, connector(context, found))


@click.command()
@click.argument("sweeps", nargs=-1, required=True, type=Name("sweep"))
async def rm(context: Context, sweeps: tuple[str, ...]) -> None:
    """Forget sweeps that don't run: their journals, and the output that is kept with them."""
    found: Sequence[Sweep] = [find_sweep(context, reference) for reference in sweeps]
    if running := [sweep.id for sweep in found if sweep.held()]:
        raise UsageError(f"sweep {running[0]} is running", hint=f"atoll sweep cancel {running[0]}")
    for sweep in found:
        sweep.remove()
