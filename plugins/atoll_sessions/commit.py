"""`session commit` and `convert-to-image`: save the files of a session, so that other sessions can
start from them.
"""

from collections.abc import Mapping
from typing import Any

import click

from atoll import Api, AtollError, Context, Name, NotFound
from atoll.output import Column
from atoll.reading import maybe
from atoll_sessions.background import follow_task
from atoll_sessions.queries import find_running

_COLUMNS = [
    Column("kernel"),
    Column("path"),
    Column("image"),
    Column("bgtask_id", "Task"),
    Column("task_id", "Task"),
]


@click.command()
@click.argument("session", type=Name("session"))
async def commit(context: Context, session: str) -> int:
    """Save the files of a running session as they are now.

    A Backend.AI cluster keeps an archive beside its agent. The embedded one makes an image, which
    `start` and `run` take.
    """
    api = await context.connect()
    found = await find_running(api, session)
    done = await _ask(api, "commit", found.id, {})
    await _finish(context, api, f"session {found.name} is committed", done)
    return 0


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("name")
async def convert_to_image(context: Context, session: str, name: str) -> int:
    """Make an image called NAME from a running session, which `start` and `run` take.

    Clusters have this since 24.03; some need a registry for it.
    """
    api = await context.connect()
    found = await find_running(api, session)
    # Clients of 26.x put it only into the query string, but the managers of 26.x read the body.
    done = await _ask(api, "imagify", found.id, {"image_name": name})
    await _finish(context, api, f"session {found.name} is an image", done)
    return 0


async def _ask(api: Api, verb: str, session_id: str, given: Mapping[str, str]) -> Mapping[str, Any]:
    """Send the request (`POST /session/{id}/{verb}`); returns the cluster's answer."""
    from atoll.urls import path

    route = path("session", session_id, verb)
    try:
        answer = await api.json("POST", route, json=given or None, like=maybe(dict))
    except NotFound as error:
        raise AtollError(
            "this cluster does not make images of sessions"
            if verb == "imagify"
            else "this cluster does not commit sessions",
            hint="a folder mounted by -v keeps its files",
        ) from error
    return answer or {}


async def _finish(context: Context, api: Api, what: str, done: Mapping[str, Any]) -> None:
    """Wait for the end of the task, and print the name of the result if the cluster returns one."""
    if task := done.get("bgtask_id") or done.get("task_id"):
        await follow_task(context, api, str(task), "committing")
    shown = done if context.output.format else None
    columns = [column for column in _COLUMNS if column.name in done]
    image = done.get("image")
    message = f"{what}; start {image} goes on from there" if image else what
    context.output.done(message, shown, columns, kind="session")
