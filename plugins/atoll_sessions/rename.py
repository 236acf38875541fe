"""`rename`: give a session another name."""

import click

from atoll import Context, Name
from atoll_sessions.queries import find_session


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("new_name")
async def rename(context: Context, session: str, new_name: str) -> None:
    """Give a running session another name."""
    from atoll.urls import path

    api = await context.connect()
    found = await find_session(api, session)
    # Managers up to 24.x read the name from the query string, managers since 26.3 from the body.
    await api.request(
        "POST", path("session", found.id, "rename"), params={"name": new_name}, query=True
    )
    message = f"session {found.name} is now called {new_name}"
    context.output.done(message, official=f"Session renamed to {new_name}.")
