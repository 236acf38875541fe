"""`info`: shows all fields of one session."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from atoll import Context, Name, Problem
from atoll_sessions.added_fields import all_fields, refused
from atoll_sessions.fields import Field, selection
from atoll_sessions.model import Session
from atoll_sessions.queries import find_session, get_session

if TYPE_CHECKING:
    from atoll import Api


@click.command()
@click.argument("session", type=Name("session"))
async def info(context: Context, session: str) -> None:
    """Show everything about a session, named by id, start of id, or name."""
    await show_session(context, session)


async def show_session(context: Context, session: str) -> None:
    """Find a session, even one that has ended, and show all its fields."""
    api = await context.connect()
    found = await find_session(api, session, ended=True)
    fields = [field for field in all_fields(context) if field.usual]
    try:
        details = await _details(api, found.id, fields)
    except Problem as problem:
        if not (out := refused(fields, problem)):
            raise
        fields = [field for field in fields if field not in out]
        details = await _details(api, found.id, fields)
        for origin in dict.fromkeys(str(field.origin) for field in out):
            context.output.warn(f"{origin}: its session fields are left out: {problem.message}")
    context.output.item(details, [field.column for field in fields])


async def _details(api: "Api", session_id: str, fields: Sequence[Field]) -> Session:
    needed = selection([field.column for field in fields], fields)
    return await get_session(api, session_id, needed)
