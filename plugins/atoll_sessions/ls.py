"""`ls`: lists a folder of a session."""

from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import click

from atoll import AtollError, Context, Name, NotFound
from atoll.files import show_name
from atoll.output import Column
from atoll_sessions.files.listing import FileEntry, find_entry, in_home, list_folder
from atoll_sessions.queries import find_session

if TYPE_CHECKING:
    from atoll import Api


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


COLUMNS = [
    Column("mode"),
    Column("size", right=True),
    Column("mtime", "Modified", _minute),
    Column("filename", "Name", show_name, keep=True),
]


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("path", default=".", type=Name("session-file", within="session"))
async def ls(context: Context, session: str, path: str) -> None:
    """List the files in a folder of a session, PATH being seen from /home/work."""
    below_home = in_home(path)
    api = await context.connect()
    found = await find_session(api, session)
    try:
        entries = await list_folder(api, found.id, below_home)
    except AtollError as error:
        entries = [await _file_alone(api, found.id, below_home, error)]
    await context.output.rows(entries, COLUMNS)


async def _file_alone(
    api: "Api", session_id: str, path: PurePosixPath, error: AtollError
) -> FileEntry:
    """Return the entry of a file; the API lists it only together with the other files of its
    folder.

    Raises NotFound, or `error` if it is no file.
    """
    try:
        entry = await find_entry(api, session_id, path)
    except NotFound:
        raise
    except AtollError:
        raise error from None
    if not entry.is_file:
        raise error
    return entry
