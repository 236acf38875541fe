"""`logs`: what a session has printed."""

import click

from atoll import Context, Name
from atoll_sessions.api import find_session, read_logs


@click.command()
@click.argument("session", type=Name("session"))
async def logs(context: Context, session: str) -> None:
    """Show what a session has printed, also after its end."""
    api = await context.connect()
    found = await find_session(api, session, ended=True)
    text = await read_logs(api, found.id)
    context.output.stream("stdout", text if text.endswith("\n") or not text else text + "\n")
