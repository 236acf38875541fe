"""`ls`: what lies in a folder of a session."""

from datetime import UTC, datetime

import click

from atoll import AtollError, Column, Context, Name
from atoll_sessions.api import find_session
from atoll_sessions.remote_files import find_entry, in_home, list_folder


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


COLUMNS = [
    Column("mode"),
    Column("size", right=True),
    Column("mtime", "Modified", _minute),
    Column("filename", "Name", keep=True),
]


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("path", default=".")
async def ls(context: Context, session: str, path: str) -> None:
    """List the files in a folder of a session, PATH being seen from /home/work."""
    below_home = in_home(path)
    api = await context.connect()
    found = await find_session(api, session)
    try:
        entries = await list_folder(api, found.id, below_home)
    except AtollError:
        # A file can't be listed by itself, but among its neighbours; what is neither is not found.
        entries = [await find_entry(api, found.id, below_home)] if below_home.name else []
        if not entries or not entries[0].is_file:
            raise
    await context.output.rows(entries, COLUMNS)
