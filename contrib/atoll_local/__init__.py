"""The door of the embedded cluster: the commands that mind it, its profile, checks and settings.

This module is the plugin's entry; the cluster itself is a program of its own, `atoll_cluster`,
which the launcher starts.
"""

from collections.abc import Iterator
from typing import Any

from atoll import Check, Command, Example, Hook, ProfileOffer, Setting, Transport, hookimpl
from atoll_local.hooks import ENGINES, Engine


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the embedded cluster."""
    yield Command("local", "The embedded cluster on this machine")
    yield Command("local up", "Start the embedded cluster", "atoll_local.commands:up", single=True)
    yield Command(
        "local down", "End its sessions and stop it", "atoll_local.commands:down", single=True
    )
    yield Command(
        "local status",
        "Show whether it runs, and what it stands on",
        "atoll_local.commands:status",
        single=True,
    )
    yield Command("local logs", "Show its log", "atoll_local.commands:logs", single=True)
    yield Command(
        "local repair",
        "Try again what it could not do",
        "atoll_local.maintenance:repair",
        single=True,
    )
    yield Command(
        "local reset",
        "Stop it and delete everything it keeps",
        "atoll_local.commands:reset",
        single=True,
    )
    yield Command(
        "local access",
        "Print the way to it",
        "atoll_local.commands:access",
        hidden=True,
        single=True,
    )
    yield Command(
        "local env", "Print settings for other clients", "atoll_local.commands:env", single=True
    )

    yield Command("host", "Clusters of other machines, by SSH")
    for name, summary in (
        ("install", "Install atoll on another machine"),
        ("status", "Show which atoll a machine has, and whether its cluster runs"),
        ("upgrade", "Install this version of atoll there"),
        ("remove", "Delete atoll there"),
    ):
        yield Command(
            f"host {name}", summary, f"atoll_local.hosts.commands:{name}", asyncio=True, single=True
        )
    yield Command(
        "host relay", "Carry streams", "atoll_local.hosts.commands:relay", hidden=True, single=True
    )


@hookimpl
def atoll_transports() -> Iterator[Transport]:
    """The way to the cluster of another machine."""
    yield Transport("dial", ("host",), load="atoll_local.hosts.dialer:connect", asyncio=True)


@hookimpl
def atoll_profiles() -> Iterator[ProfileOffer]:
    """The embedded cluster, for when no other is configured."""
    yield ProfileOffer(
        "local",
        "The embedded cluster on this machine",
        load="atoll_local.launcher:offer",
        running="atoll_local.launcher:running",
        start="local up",
    )


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """How the cluster is started."""
    yield Setting("local.sandbox", "auto", "Whether sessions run in a sandbox", ("auto", "plain"))


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """What its promises stand on."""
    yield Check("local", "atoll_local.checks:check")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """How the commands are used."""
    from atoll_local.examples import EXAMPLES

    yield from EXAMPLES


@hookimpl
def atoll_hooks() -> Iterator[Hook[Any]]:
    """Where else the cluster can run sessions."""
    yield ENGINES


@hookimpl
def atoll_engines() -> Iterator[Engine]:
    """This machine."""
    yield Engine("here", "This machine", "atoll_cluster.engine.local:launcher")
