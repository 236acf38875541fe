"""`shell`: opens a terminal in an existing session."""

import click

from atoll import Context, Name
from atoll_sessions.queries import find_running
from atoll_sessions.terminal import open_terminal, the_terminal


@click.command()
@click.argument("session", type=Name("session"))
async def shell(context: Context, session: str) -> None:
    """Open a shell in a session, in your terminal, until it ends.

    It takes every key, Ctrl-C included. Enter, then ~. leaves a shell that no longer answers.
    """
    descriptor = the_terminal(context, "shell")
    api = await context.connect()
    found = await find_running(api, session)
    await open_terminal(context, api, found.id, descriptor)
