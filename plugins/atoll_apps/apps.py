"""`apps`: lists the services of a session and the options to start them with."""

from typing import Any

import click

from atoll import AtollError, Context, Name
from atoll.output import Column
from atoll_apps.services import list_services
from atoll_sessions.api import find_session


def _listed(value: Any) -> str:
    """Format names; the labels of an image may contain them as lists, objects or strings."""
    if isinstance(value, list | tuple | dict):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


_COLUMNS = [
    Column("name", keep=True),
    Column("protocol"),
    Column("ports", show=_listed),
    Column("allowed_arguments", "Arguments", show=_listed),
    Column("allowed_envs", "Environment", show=_listed),
]


@click.command()
@click.argument("session", type=Name("session"))
@click.argument("apps", nargs=-1, type=Name("app"), metavar="[APP]...")
@click.option("-l", "--list-names", is_flag=True, help="List only the names.")
async def apps(context: Context, session: str, apps: tuple[str, ...], list_names: bool) -> None:
    """List the services of a session, and the options that atoll app can start them with.

    Arguments go to --arg, environment variables to --env.
    """
    api = await context.connect()
    found = await find_session(api, session)
    services = await list_services(api, found.id)
    if not services and not found.status.startswith("RUNNING"):
        raise AtollError(f"session {found.name} is {found.status}", hint=f"atoll wait {found.name}")
    chosen = [services.pick(name, found.name) for name in apps] if apps else services.items
    await context.output.rows(chosen, _COLUMNS[:1] if list_names else _COLUMNS)
    if not (apps or list_names):
        for advice in dict.fromkeys(services.missing.values()):
            context.output.note(advice)
