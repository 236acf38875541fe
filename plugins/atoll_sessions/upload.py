"""`upload`: copies files into a session."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from attrs import define, field

from atoll import AtollError, Context, Name
from atoll.files import check_given
from atoll.output import binary_size, counted
from atoll_sessions.files.sending import LocalFile, Sent, find, send
from atoll_sessions.queries import find_session

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--basedir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that the files' paths are relative to.",
)
async def upload(
    context: Context, session: str, files: tuple[str, ...], basedir: Path | None
) -> int:
    """Upload files, and folders with all that is in them, to a session's /home/work.

    What in a folder can't be sent is told, and the rest is sent all the same.
    """
    check_given(files)
    uploading = _Uploading(context)
    found = find([Path(file) for file in files], basedir, uploading.leave, uploading.fail)
    api = await context.connect()
    target = await find_session(api, session)
    await uploading.run(api, target.id, found)
    sent = uploading.sent
    message = f"uploaded {counted(sent.files)} ({binary_size(sent.size)}) to {target.name}"
    context.output.done(message, official="Uploaded.")
    return uploading.exit_code


@define
class _Uploading:
    """Counts the uploaded and the failed files; `exit_code` is that of the first failure."""

    context: Context
    sent: Sent = field(factory=Sent)
    exit_code: int = 0

    def leave(self, what: str) -> None:
        self.context.output.warn(f"left out: {what}")

    def fail(self, error: AtollError) -> None:
        self.context.output.warn(str(error))
        self.exit_code = self.exit_code or 1

    async def run(self, api: "Api", session_id: str, files: Sequence[LocalFile]) -> None:
        """Send files; if it is interrupted, say how many have arrived."""
        is_done = False
        try:
            with self.context.output.progress(f"uploading {counted(len(files))} …") as show:

                def note(sent: Sent) -> None:
                    self.sent = sent
                    show(f"uploading {counted(len(files))}, {sent.files} done …")

                await send(api, session_id, files, self.fail, note)
            is_done = True
        finally:
            if not is_done:
                self.context.output.note(f"{self.sent.files} of {len(files)} files were uploaded")
