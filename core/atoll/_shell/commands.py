"""Commands for the prompt; some of them also work in scripts."""

import os
from datetime import datetime
from pathlib import Path

import click

from atoll._context import Context, program_of
from atoll._errors import AtollError, UsageError
from atoll._front_line import moved_line
from atoll._jobs import Job
from atoll.output import Column


def _local_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


_BEFORE = "OLDPWD"
"""The variable with the folder before the last `cd`, as in other shells."""
_HISTORY = [
    Column("at", "Typed", _local_time),
    Column("seconds", "Took", _took, right=True),
    Column("exit_code", "Exit code", right=True),
    Column("folder"),
    Column("line", keep=True),
]
_KEYS = [Column("keys"), Column("summary", "Action"), Column("plugin")]


@click.command("exit")
@click.argument("code", type=click.IntRange(0, 255), default=0)
async def leave(context: Context, code: int) -> None:
    """Leave the prompt, or end the script, with CODE as its exit code."""
    if context.shell is None or not context.foreground:
        raise UsageError("exit leaves a prompt or ends a script, and there is none here")
    context.shell.leaving = code


@click.command()
@click.option(
    "-n", "count", type=click.IntRange(1), default=50, show_default=True, help="How many lines."
)
@click.option(
    "--merge", is_flag=True, help="Add the lines of other prompts to this prompt's history."
)
@click.argument("text", required=False)
async def history(context: Context, count: int, merge: bool, text: str | None) -> None:
    """List the last lines that were typed, or the last of them that contain TEXT."""
    if merge:
        await _merge(context)
        return
    from atoll._shell.entries import history_file, read_entries

    entries = read_entries(history_file(context.paths))
    found = [entry for entry in entries if not text or text in entry.line]
    await context.output.rows(found[-count:], _HISTORY)


async def _merge(context: Context) -> None:
    import trio

    if context.shell is None:
        raise UsageError("--merge is for the prompt, and there is none")
    count = await trio.to_thread.run_sync(context.shell.merges, abandon_on_cancel=True)
    context.output.note(f"{count} line{'s' * (count != 1)} of other prompts")


@click.command()
async def clear(context: Context) -> None:
    """Clear the screen; nothing happens if the output is no terminal."""
    if context.output.stdout.isatty():
        # Escape sequences: move to the top left, clear the screen, clear what has scrolled away.
        context.output.stream("stdout", "\x1b[H\x1b[2J\x1b[3J")


@click.command()
async def keys(context: Context) -> None:
    """List the keys of the prompt, except those that every line editor has.

    `c-x` is Ctrl-X, `escape` before another key is Alt with it.
    """
    from atoll._shell.keys import usable

    rows = [
        {"keys": record.keys, "summary": record.summary, "plugin": origin.name}
        for _, (record, origin) in usable(program_of(context).registry)
    ]
    own = program_of(context).settings.below("shell.keys").items()
    rows += [{"keys": key, "summary": line, "plugin": "config.yaml"} for key, line in own]
    await context.output.rows(rows, _KEYS)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
async def cd(context: Context, folder: Path | None) -> None:
    """Change to FOLDER, or home: files are searched there, and the system's commands run there.

    `cd -` goes back. Jobs keep the folder in which they began.
    """
    if moved_line() is not None:
        raise UsageError("cd changes the prompt's folder: a line in the background can't do that")
    if beside := next((job for job in context.jobs.running() if _uses_folder(job)), None):
        hint = f"fg %{beside.number}, wait %{beside.number} or kill %{beside.number} first"
        raise AtollError(f"job {beside.number} uses this folder", hint=hint)
    wanted, before = _wanted(folder), _here()
    try:
        os.chdir(wanted)
    except OSError as error:
        raise AtollError(f"{wanted}: {error.strerror}") from None
    os.environ[_BEFORE] = before
    context.output.note(str(Path.cwd()))


def _uses_folder(job: Job) -> bool:
    """Whether a job runs in this process, in the background: Ctrl-Z has moved it there, or it
    began when the script was not expected to change its folder.
    """
    return not (job.keeps_folder or job.foreground)


def _wanted(folder: Path | None) -> Path:
    """Return the folder that a line names; raises AtollError if it can't be used."""
    if folder == Path("-"):
        if not (before := os.environ.get(_BEFORE)):
            raise AtollError("there is no folder to go back to")
        return Path(before)
    try:
        return (folder or Path("~")).expanduser()
    except RuntimeError:
        raise AtollError(f"{folder}: there is no such user") from None


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:  # the folder was removed
        return ""
