"""`start`: creates a session and leaves it running."""

from typing import Any

import click

from atoll import Context, ExitCode
from atoll.output import Column
from atoll_sessions.creation import create_session
from atoll_sessions.options import session_options, session_request_from
from atoll_sessions.owners import owner_option
from atoll_sessions.start_output import show_started

_COLUMNS = [
    Column("id", "Session ID", official_name="session_id"),
    Column("name"),
    Column("status"),
    Column("created"),
    Column("services", show=", ".join),
]


@click.command()
@session_options
@click.option("-c", "--startup-command", metavar="COMMAND", help="The command of a batch session.")
@owner_option("Start it for another user.")
@click.option("-q", "--quiet", is_flag=True, help="Print only its ID.")
async def start(context: Context, quiet: bool, **options: Any) -> int:
    """Start a session of IMAGE without running anything in it."""
    context.output.quiet = quiet
    api = await context.connect()
    request = session_request_from(api, options)
    created = await create_session(context, api, request)
    show_started(context, created, request, _COLUMNS)
    if quiet and not context.output.format:
        await context.output.rows([created], _COLUMNS[:1], format="plain")
    if created.failed:
        raise created.failure()
    created.check(request)
    return ExitCode.TIMED_OUT if created.status == "TIMEOUT" else ExitCode.OK
