"""`upload`: files into a session."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from atoll import Context, Name
from atoll_sessions import files as transfer
from atoll_sessions.fields import binary_size, counted
from atoll_sessions.queries import find_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atoll.api import Api
    from atoll.transport import Part


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--basedir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the files' paths are relative to.",
)
async def upload(
    context: Context, session: str, files: tuple[str, ...], basedir: Path | None
) -> None:
    """Upload files, and folders with all that is in them, to a session's /home/work."""
    transfer.check_given(files)

    def leave(what: str) -> None:
        context.output.warn(f"left out: {what}")

    parts = transfer.collect([Path(file) for file in files], basedir, leave)
    api = await context.connect()
    found = await find_session(api, session)
    await _upload(context, api, found.id, parts)
    size = binary_size(sum(len(part.content) for part in parts))
    context.output.note(f"uploaded {counted(len(parts))} ({size}) to {found.name}")


async def _upload(context: Context, api: "Api", session_id: str, parts: "Sequence[Part]") -> None:
    """Upload files; says how far it has come should it not come to the end."""
    counts = [0]
    try:
        with context.output.progress(f"uploading {counted(len(parts))} …") as show:

            def count(number: int) -> None:
                counts.append(number)
                show(f"uploading {counted(len(parts))}, {number} done …")

            await transfer.upload(api, session_id, parts, count)
    finally:
        if counts[-1] < len(parts):
            context.output.note(f"{counts[-1]} of {len(parts)} files were uploaded")
