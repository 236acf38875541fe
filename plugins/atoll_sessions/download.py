"""`download`: copies files and folders out of a session."""

from pathlib import Path

import click

from atoll import AtollError, Context, Name, UsageError
from atoll.files import SafeFolder, check_given
from atoll.output import binary_size, counted
from atoll_sessions.files.fetching import Fetching
from atoll_sessions.files.listing import HOME, in_home
from atoll_sessions.files.unpack import Unpacked
from atoll_sessions.queries import find_session


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("files", nargs=-1, required=True, type=Name("session-file", within="session"))
@click.option(
    "--dest",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The folder to put them in.",
)
async def download(context: Context, session: str, files: tuple[str, ...], dest: Path) -> int:
    """Download files and folders of a session, their paths being seen from /home/work.

    Each goes by its own name in DEST, in place of a file that is there.
    """
    check_given(files)
    wanted = [in_home(file) for file in files]
    _check_names([path.name for path in wanted])
    _make(dest)
    api = await context.connect()
    found = await find_session(api, session)
    fetching = Fetching(api, found.id, SafeFolder(dest), context.output)
    try:
        for path in wanted:
            await fetching.fetch(path)
    finally:
        _tell(context, fetching.done, dest)
    return fetching.exit_code


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two files would have the same path {name or HOME.name}")


def _make(dest: Path) -> None:
    try:
        dest.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AtollError(f"{dest}: {error.strerror}") from None


def _tell(context: Context, done: Unpacked, dest: Path) -> None:
    for what in done.left_out:
        context.output.warn(f"left out: {what}")
    if done.files:
        message = f"downloaded {counted(done.files)} ({binary_size(done.size)}) to {dest}"
        context.output.done(message, official=f"Downloaded to {dest.resolve()}.")
