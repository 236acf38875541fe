"""`start`: make a session and leave it running."""

from typing import Any

import click

from atoll import Column, Context, ExitCode
from atoll_sessions.creation import create_session, session_options, tell_created, wanted_from

_COLUMNS = [
    Column("id", "Session ID"),
    Column("name"),
    Column("status"),
    Column("created"),
    Column("services", show=", ".join),
]
_NOT_FAILED = {"RUNNING", "PENDING", "SCHEDULED", "PREPARING", "PULLING", "PREPARED", "CREATING"}


@click.command()
@session_options
@click.option("-c", "--startup-command", metavar="COMMAND", help="What a batch session runs.")
@click.option(
    "-o", "--owner", "--owner-access-key", metavar="ACCESS_KEY", help="Start it for another user."
)
async def start(context: Context, **options: Any) -> int:
    """Start a session of IMAGE without running anything in it."""
    api = await context.connect()
    wanted = wanted_from(api, options)
    created = await create_session(context, api, wanted)
    tell_created(context, created, wanted)
    if context.output.format:
        context.output.item(created, _COLUMNS)
    if created.status == "TIMEOUT":
        return ExitCode.TIMED_OUT
    return ExitCode.OK if created.status in _NOT_FAILED else ExitCode.FAILED
