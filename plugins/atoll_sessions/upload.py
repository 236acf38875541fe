"""`upload`: files into a session."""

from pathlib import Path

import click

from atoll import Context, Name
from atoll_sessions import files as transfer
from atoll_sessions.api import find_session
from atoll_sessions.fields import binary_size


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--basedir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the files' paths are relative to.",
)
async def upload(
    context: Context, session: str, files: tuple[Path, ...], basedir: Path | None
) -> None:
    """Upload files, and folders with all that is in them, to a session's /home/work."""
    parts = transfer.collect(files, basedir)
    api = await context.connect()
    found = await find_session(api, session)
    sent = 0
    with context.output.progress(f"uploading {len(parts)} files …") as show:

        def count(number: int) -> None:
            nonlocal sent
            sent = number
            show(f"uploading {len(parts)} files, {sent} done …")

        try:
            await transfer.upload(api, found.id, parts, count)
        finally:
            if sent < len(parts):
                context.output.note(f"{sent} of {len(parts)} files were uploaded")
    size = sum(len(part.content) for part in parts)
    context.output.note(f"uploaded {transfer.counted(sent)} ({binary_size(size)}) to {found.name}")
