"""Commands about jobs. A job is named by `%2` or `2`, or by `%` and the beginning of its line;
without a name, the current job is meant.
"""

import signal
from datetime import UTC, datetime

import click

from atoll._context import Context
from atoll._errors import UsageError
from atoll._jobs import Job
from atoll._names import Name
from atoll.output import Column, local_time

_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def _since(seconds: float) -> str:
    return local_time(datetime.fromtimestamp(seconds, UTC).isoformat())


_JOBS = [
    Column("number", "Job", right=True, keep=True),
    Column("state", keep=True),
    Column("exit_code", "Exit code", right=True),
    Column("since", show=_since, brief=lambda at: _since(at).partition(" ")[2]),
    Column("elapsed", "Took", show=lambda seconds: f"{seconds:.1f} s", right=True),
    Column("profile"),
    Column("doing", "Progress"),
    Column("text", "Line"),
]


@click.command()
async def jobs(context: Context) -> None:
    """List the jobs that run, are queued or stopped, and those that have ended since
    the last call.
    """
    await context.output.rows(context.jobs.all(), _JOBS)


@click.command()
@click.argument("count", type=click.IntRange(0), required=False)
async def limit(context: Context, count: int | None) -> None:
    """Let at most COUNT jobs run at a time; further ones are queued. 0 means no limit.

    Without COUNT, show the limit. The setting shell.jobs_limit is the limit of new prompts.
    """
    if count is not None:
        context.jobs.limit = count
        context.jobs.feed()
    detail = f"{context.jobs.limit} at a time" if context.jobs.limit else "no limit"
    context.output.note(f"jobs: {detail}")


@click.command()
@click.argument("job", default="", type=Name("job"))
async def fg(context: Context, job: str) -> int:
    """Bring a job to the foreground, and continue it if it is stopped. It gets Ctrl-C
    and Ctrl-Z.
    """
    found = context.jobs.find_running(job)

    def tell() -> None:
        context.output.note(found.text)
        for name, begun in found.line.begun.items() if found.line else ():
            getattr(context.output, name).write(begun)

    return await context.jobs.bring(found, tell)


@click.command()
@click.argument("job", default="", type=Name("job"))
async def bg(context: Context, job: str) -> None:
    """Continue a stopped job in the background, or start a queued one."""
    found = context.jobs.find_running(job)
    context.jobs.go_on(found)
    context.output.note(f"[{found.number}] {found.text}")


@click.command()
@click.option("-n", "any_", is_flag=True, help="Wait for whichever ends first.")
@click.argument("names", nargs=-1, type=Name("job"), metavar="[JOB]...")
async def wait(context: Context, any_: bool, names: tuple[str, ...]) -> int:
    """Wait until the named jobs have ended; the exit code is that of the last one.

    Without names, wait for all jobs; the exit code is 0.
    """
    if any_ and names:
        raise UsageError("-n waits for any job: name none")
    named = [context.jobs.find(name) for name in names]
    with context.output.progress("waiting for jobs; Ctrl-C stops that"):
        if any_:
            return await context.jobs.wait_for_any()
        codes = [await context.jobs.wait(job) for job in named or context.jobs.running()]
    return codes[-1] if named else 0


@click.command()
@click.option("-s", "--signal", "name", default="TERM", help="A signal such as KILL, STOP or INT.")
@click.argument("names", nargs=-1, required=True, type=Name("job"), metavar="JOB...")
async def kill(context: Context, name: str, names: tuple[str, ...]) -> None:
    """End jobs: commands of atoll are interrupted and clean up, programs of the system are
    terminated.
    """
    number = _signal(name)
    for job in [context.jobs.find_running(one) for one in names]:
        _send(context, job, number)


def _signal(name: str) -> int:
    known = {one.name.removeprefix("SIG"): int(one) for one in signal.Signals}
    number = known.get(name.upper().removeprefix("SIG"))
    if number is None and name.isdecimal() and int(name) in known.values():
        number = int(name)
    if number is None:
        raise UsageError(f"no such signal: {name}", hint="kill -s KILL %1")
    return number


def _send(context: Context, job: Job, number: int) -> None:
    if job.child is None and number in _STOPS:
        hint = f"kill %{job.number} ends it"
        raise UsageError(f"job {job.number} runs in atoll itself, and can't be stopped", hint=hint)
    if number == signal.SIGTERM or job.child is None:
        context.jobs.cancel(job)
    else:
        job.child.signal(number)
