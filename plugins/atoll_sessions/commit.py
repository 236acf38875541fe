"""`session commit`: keep what a session has become, as an archive or an image of the cluster."""

import click

from atoll import AtollError, Context, Name, NotFound
from atoll.output import Column
from atoll.reading import maybe
from atoll_sessions.background import follow_task
from atoll_sessions.queries import find_running

_COLUMNS = [Column("kernel"), Column("path"), Column("bgtask_id", "Task")]


@click.command()
@click.argument("session", type=Name("session"))
async def commit(context: Context, session: str) -> int:
    """Have the cluster keep the files of a running session as they are now."""
    from atoll.urls import path

    api = await context.connect()
    found = await find_running(api, session)
    try:
        done = await api.json("POST", path("session", found.id, "commit"), like=maybe(dict)) or {}
    except NotFound as error:
        raise AtollError(
            "this cluster does not commit sessions", hint="a folder mounted by -v keeps its files"
        ) from error
    if done.get("bgtask_id"):
        await follow_task(context, api, str(done["bgtask_id"]), f"committing {found.name}")
    if context.output.format:
        context.output.item(done, [column for column in _COLUMNS if column.name in done])
    context.output.note(f"session {found.name} is committed")
    return 0
