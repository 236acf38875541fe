"""The plugin of the embedded cluster: its commands, profile, checks and settings.

The cluster itself is a separate program, `atoll_cluster`, which the launcher starts.
"""

from collections.abc import Iterator
from typing import Any

from atoll import Check, Command, Example, Hook, ProfileOffer, Setting, Transport, hookimpl
from atoll_local.hooks import ENGINES, Engine
from atoll_ssh.api import uses_openssh


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Add the commands `local …` and `host …`."""
    yield Command("local", "The embedded cluster on this machine")
    for name, summary, load in (
        ("up", "Start the embedded cluster", "commands:up"),
        ("down", "End its sessions and stop it", "commands:down"),
        ("status", "Show whether it runs, and what its sandbox uses", "commands:status"),
        ("logs", "Show its log", "commands:logs"),
        ("repair", "Try again what it could not finish", "maintenance:repair"),
        ("reset", "Stop it and delete all of its data", "commands:reset"),
        ("access", "Print its address and keys", "commands:access"),
        ("findings", "Print what the checks find", "checks:findings"),
        ("env", "Print settings for other clients", "commands:env"),
    ):
        hidden = name in {"access", "findings"}  # for atoll on other machines
        yield Command(f"local {name}", summary, f"atoll_local.{load}", hidden=hidden, single=True)

    yield Command("host", "Clusters of other machines, over SSH")
    for name, summary in (
        ("install", "Install atoll on another machine"),
        ("status", "Show a machine's version of atoll, and whether its cluster runs"),
        ("upgrade", "Install this version of atoll there"),
        ("remove", "Delete atoll there"),
        ("disconnect", "Close the SSH connection that is kept open"),
    ):
        load, by_asyncio = f"atoll_local.hosts.commands:{name}", not uses_openssh()
        yield Command(f"host {name}", summary, load, asyncio=by_asyncio, single=True)
    yield Command(
        "host relay",
        "Carry streams for another machine",
        "atoll_local.hosts.commands:relay",
        hidden=True,
        single=True,
    )


@hookimpl
def atoll_transports() -> Iterator[Transport]:
    """Add the dialer to the cluster of another machine."""
    yield Transport(
        "dial", ("host",), load="atoll_local.hosts.dialer:connect", asyncio=not uses_openssh()
    )


@hookimpl
def atoll_profiles() -> Iterator[ProfileOffer]:
    """Offer the embedded cluster if no other cluster is configured."""
    yield ProfileOffer(
        "local",
        "The embedded cluster on this machine",
        load="atoll_local.launcher:offer",
        running="atoll_local.launcher:running",
        start="local up",
    )


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Add the setting `local.sandbox`."""
    yield Setting("local.sandbox", "auto", "Whether sessions run in a sandbox", ("auto", "plain"))


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """Add the checks of `doctor` for the embedded cluster."""
    yield Check("local", "atoll_local.checks:check")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """Add examples of the commands."""
    from atoll_local.examples import EXAMPLES

    yield from EXAMPLES


@hookimpl
def atoll_hooks() -> Iterator[Hook[Any]]:
    """Offer the hook for engines."""
    yield ENGINES


@hookimpl
def atoll_engines() -> Iterator[Engine]:
    """Add the engine `here`: this machine."""
    yield Engine("here", "This machine", "atoll_cluster.engine.local:launcher")
