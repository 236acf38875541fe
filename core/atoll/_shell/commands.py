"""Commands for the prompt, some of them for scripts, too."""

import os
from datetime import datetime
from pathlib import Path

import click

from atoll._context import Context, program_of
from atoll._errors import AtollError, UsageError
from atoll.output import Column


def _local_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


_HISTORY = [
    Column("at", "Typed", _local_time),
    Column("seconds", "Took", _took, right=True),
    Column("exit_code", "Exit code", right=True),
    Column("folder"),
    Column("line", keep=True),
]
_KEYS = [Column("keys"), Column("summary", "It does"), Column("plugin")]


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
@click.option("--merge", is_flag=True, help="Let this prompt have the lines of other ones, too.")
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
        # Home, what is shown, and what has scrolled away.
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
    """Change to FOLDER, or home: files are searched there, and the system's commands run there."""
    if context.shell is None and (running := context.jobs.running()):
        # Jobs of a script are none of the processes that keep a folder of their own: what they have
        # yet to read and write would be sought elsewhere.
        raise AtollError(f"job {running[0].number} uses this folder", hint="wait ends them all")
    wanted = folder or Path("~")
    try:
        os.chdir(wanted.expanduser())
    except OSError as error:
        raise AtollError(f"{wanted}: {error.strerror}") from None
    context.output.note(str(Path.cwd()))
