"""`info`: everything about one session."""

import click

from atoll import Context, Name
from atoll_sessions.added_fields import all_fields
from atoll_sessions.fields import selection
from atoll_sessions.queries import find_session, get_session


@click.command()
@click.argument("session", type=Name("session"))
async def info(context: Context, session: str) -> None:
    """Show everything about a session, named by id, start of id, or name."""
    await show_session(context, session)


async def show_session(context: Context, session: str) -> None:
    """Find a session, also one that has ended, and show all its fields."""
    api = await context.connect()
    found = await find_session(api, session, ended=True)
    fields = all_fields(context)
    usual = [field.column for field in fields if field.usual]
    details = await get_session(api, found.id, selection(usual, fields))
    context.output.item(details, usual)
