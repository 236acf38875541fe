"""`atoll host …`: install atoll on another machine, and use its cluster from here."""

import os
import sys

import click

from atoll import AtollError, Context, NotFound, yes_option
from atoll.output import Column
from atoll_local.hooks import ENGINES
from atoll_local.hosts import installation
from atoll_local.hosts.host import Address, Host
from atoll_local.hosts.installation import HostFacts, examine

_HOST = click.argument("host", metavar="USER@HOST")
_APPS = click.option(
    "--apps", is_flag=True, help="Also install JupyterLab and a web terminal for sessions."
)
_COLUMNS = [
    Column("host"),
    Column("atoll"),
    Column("python"),
    Column("cluster"),
    Column("endpoint"),
    Column("sandbox"),
]


def _host(text: str) -> Host:
    return Host.at(Address.parse(f"host://{text}"))


@click.command()
@_HOST
@_APPS
async def install(context: Context, host: str, apps: bool) -> None:
    """Install atoll in your home on another machine: Linux with Python 3.11 or uv.

    `atoll profile add box --host USER@HOST` uses its cluster afterwards.
    """
    machine = _host(host)
    if (await examine(machine)).current:
        words = "--apps " if apps else ""
        raise AtollError(
            f"atoll is installed on {machine.name} already",
            hint=f"atoll host upgrade {words}{host}",
        )
    name = await _install(context, machine, apps=apps)
    context.output.note(f"atoll {name.partition('-')[0]} is installed on {machine.name}")
    context.output.note(f"atoll profile add NAME --host {host} uses its cluster")


@click.command()
@_HOST
@_APPS
async def upgrade(context: Context, host: str, apps: bool) -> None:
    """Replace the atoll on another machine by the version that you run here.

    A running cluster keeps its version until it is stopped. JupyterLab stays installed.
    """
    machine = _host(host)
    found = await examine(machine)
    _require(machine, found)
    name = await _install(context, machine, apps=apps or found.has_apps)
    context.output.note(f"atoll {name.partition('-')[0]} is installed on {machine.name}")


@click.command()
@_HOST
async def status(context: Context, host: str) -> None:
    """Show the version of atoll on a machine, and whether its cluster runs."""
    machine = _host(host)
    found = await examine(machine)
    record = {
        "host": machine.name,
        "atoll": found.current.partition("-")[0] or None,
        "python": found.python or None,
        "cluster": None,
        "endpoint": None,
        "sandbox": None,
    }
    try:
        cluster = await machine.atoll("local", "status")
        one = cluster[0] if isinstance(cluster, list) else cluster
        record |= {"cluster": one["status"], "endpoint": one["endpoint"], "sandbox": one["sandbox"]}
    except NotFound as error:
        context.output.note(str(error))
    context.output.item(record, _COLUMNS)


@click.command()
@_HOST
@yes_option()
async def remove(context: Context, host: str, yes: bool) -> None:
    """End the sessions of a machine's cluster, and delete atoll there.

    The data of the cluster stays in `~/.local/share/atoll/local` there: folders, keys, logs.
    """
    machine = _host(host)
    _require(machine, await examine(machine))
    question = f"End the sessions on {machine.name} and delete atoll there?"
    await context.consent(question, yes=yes)
    await machine.atoll("local", "down")
    await installation.remove(machine)
    context.output.note(f"atoll is deleted on {machine.name}; the data of its cluster stays there")


@click.command()
@_HOST
async def disconnect(context: Context, host: str) -> None:
    """End the SSH connection to a machine that is kept open for the next command.

    Prompts and commands that use it log in again. What runs on the machine continues.
    """
    machine = _host(host)
    if await machine.ssh.end():
        context.output.note(f"the connection to {machine.name} is closed")
    else:
        context.output.note(f"no connection to {machine.name} was open")


async def _install(context: Context, machine: Host, *, apps: bool) -> str:
    names = _distributions(context)
    return await installation.install(machine, names, context.output.note, apps=apps)


def _distributions(context: Context) -> list[str]:
    """Return the distributions to install on a machine: atoll, and the plugins with engines."""
    offering = {one.origin.distribution for one in context.collect(ENGINES)}
    return ["atoll", *sorted(offering - {"atoll"})]


def _require(machine: Host, found: HostFacts) -> None:
    if not found.current:
        raise NotFound(
            f"atoll host has not installed atoll on {machine.name}",
            hint=f"atoll host install {machine.name}",
        )


@click.command()
async def relay(context: Context) -> None:
    """Carry streams for an atoll on another machine, over standard input and output."""
    del context
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "atoll_ssh.relay"])  # noqa: S606 - no shell
