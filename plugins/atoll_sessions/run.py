"""`run`: runs code in a session, which is new or reused."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import trio
from attrs import define

from atoll import AtollError, Context, ExitCode, UsageError
from atoll_sessions.code import Code
from atoll_sessions.creation import Created, create_session
from atoll_sessions.execution import Execution
from atoll_sessions.files import collect, upload
from atoll_sessions.options import session_options, session_request_from
from atoll_sessions.start_output import show_created
from atoll_sessions.stats import tell_use
from atoll_sessions.sweep.options import sweep_options, take_sweep_options
from atoll_sessions.terminal import open_terminal, the_terminal
from atoll_sessions.termination import terminate

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Part
    from atoll_sessions.pictures import Album

_RUNNERS = {
    ".py": "python3",
    ".pyw": "python3",
    ".sh": "sh",
    ".bash": "bash",
    ".js": "node",
    ".cjs": "node",
    ".mjs": "node",
    ".rb": "ruby",
    ".pl": "perl",
    ".R": "Rscript",
}
_LONGEST_LINE = 1024
"""Bytes of a program's first line that are read."""
_CLEANUP = 30.0


@click.command()
@session_options
@sweep_options
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("-c", "--code", metavar="CODE", help="Run this in the session's interpreter.")
@click.option(
    "--clean", metavar="COMMAND", help="Run this first, to remove what an earlier build left."
)
@click.option("--build", metavar="COMMAND", help="Build the files with this.")
@click.option("--exec", "exec_", metavar="COMMAND", help="Run the files with this.")
@click.option(
    "--basedir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that the files' paths are relative to.",
)
@click.option(
    "--media",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the pictures that the code shows in this folder.",
)
@click.option("--terminal", is_flag=True, help="Open a terminal in the session.")
@click.option("--rm", is_flag=True, help="Terminate the session afterwards.")
@click.option("-s", "--stats", is_flag=True, help="Show the resources that the session has used.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the output of the code.")
async def run(
    context: Context,
    files: tuple[Path, ...],
    code: str | None,
    clean: str | None,
    build: str | None,
    exec_: str | None,
    basedir: Path | None,
    media: Path | None,
    terminal: bool,
    rm: bool,
    stats: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Run CODE, or FILES, in a session of IMAGE; its exit code is the program's own.

    The session is new, unless one goes by the name that -t gives. Without --exec, a single file is
    run by the program that its suffix stands for, or that its first line (`#!`) names.

    With a range, a sweep is run: a session for each value that the range stands for.

    Pictures that the code shows are drawn in the terminal, where that can be.
    """
    context.output.quiet = quiet
    sweep = take_sweep_options(options)
    descriptor = the_terminal(context, "run --terminal") if terminal else None
    parts = collect(files, basedir)
    what = None if terminal and code is None else _code_of(code, parts, clean, build, exec_)
    if sweep is not None and what is not None:
        from atoll_sessions.sweep.submit import submit

        _refuse_media_of_sweep(media)
        return await submit(context, sweep, options, parts, what, remove=rm)
    album = _album(media) if media is not None else None
    api = await context.connect()
    api.expect_channel()
    request = session_request_from(api, options)
    async with _removal(context, api, request.name) as removal:
        removal.due = rm
        try:
            created = await create_session(context, api, request, stays=not rm)
        except AtollError:
            removal.due = False  # refused: a session of this name is somebody else's
            raise
        show_created(context, created, request, stays=not rm)
        if created.status != "RUNNING":
            return _not_running(context, created)
        created.check(request, is_kept=not rm)
        await upload(api, created.id, parts)
        exit_code = 0
        if what is not None:
            run = Execution(context, api, created.id, created.name, album)
            exit_code = await run.run(what)
        if descriptor is not None:
            await open_terminal(context, api, created.id, descriptor)
        if stats:
            await tell_use(context, api, created.id)
        return exit_code


def _refuse_media_of_sweep(media: Path | None) -> None:
    if media is not None:
        raise UsageError(
            "run: a sweep keeps pictures beside what its cases print",
            hint="leave out --media, or name a folder with --out",
        )


def _album(folder: Path) -> "Album":
    from atoll_sessions.pictures import Album

    return Album.named(folder)


def _code_of(
    code: str | None,
    files: "Sequence[Part]",
    clean: str | None,
    build: str | None,
    exec_: str | None,
) -> Code:
    if code is not None:
        if files or exec_ or build:
            raise UsageError(
                "run: -c runs by itself", hint="leave out the files, --build and --exec"
            )
        return Code(mode="query", snippet=code)
    if not files and not exec_ and not build:
        raise UsageError(
            "run: there is nothing to run", hint="give -c CODE, FILES or --exec COMMAND"
        )
    return Code(mode="batch", clean=clean, build=build, exec=exec_ or _default_exec(files, build))


def _default_exec(files: "Sequence[Part]", build: str | None) -> str:
    """Return the command that runs a single file; `*` lets the session's runtime choose."""
    from shlex import quote

    if len(files) != 1 or build is not None:
        return "*"
    name = files[0].filename
    runner = _RUNNERS.get(Path(name).suffix) or _interpreter(files[0].content)
    return f"{runner} {quote(name)}" if runner else "*"


def _interpreter(content: bytes) -> str:
    """Return the command in a program's first line (`#!`), for use in the session."""
    first, _, _ = content[:_LONGEST_LINE].partition(b"\n")
    return first[2:].decode(errors="replace").strip() if first.startswith(b"#!") else ""


def _not_running(context: Context, created: Created) -> int:
    if created.status == "TIMEOUT":
        return ExitCode.TIMED_OUT
    if created.status in ("PENDING", "SCHEDULED"):
        context.output.note("the code does not run, because the session only waits in the queue")
        return ExitCode.OK
    raise created.failure()


@define
class _Removal:
    """Whether the session is to be terminated at the end."""

    due: bool = False


@asynccontextmanager
async def _removal(context: Context, api: "Api", name: str) -> AsyncIterator[_Removal]:
    """Terminate the session at the end, however the command ends, if it is to be removed."""
    removal = _Removal()
    try:
        yield removal
    finally:
        if removal.due:
            # The session must not stay alive after Ctrl-C, and a cluster that does not answer must
            # not block the command for ever.
            with trio.CancelScope(shield=True, deadline=trio.current_time() + _CLEANUP) as scope:
                await _remove(context, api, name)
            if scope.cancelled_caught:
                context.output.warn(f"session {name} may still exist: atoll rm {name} ends it")


async def _remove(context: Context, api: "Api", name: str) -> None:
    try:
        await terminate(api, name)
    except AtollError as error:
        if error.exit_code not in (ExitCode.NOT_FOUND, ExitCode.UNREACHABLE):
            context.output.warn(f"session {name} could not be terminated: {error}")
