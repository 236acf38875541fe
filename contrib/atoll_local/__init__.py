"""The door of the embedded cluster: the commands that mind it, its profile, checks and settings.

This module is the plugin's entry; the cluster itself is a program of its own, `atoll_cluster`,
which the launcher starts.
"""

from collections.abc import Iterator

from atoll import Check, Command, ProfileOffer, Setting, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the embedded cluster."""
    yield Command("local", "The embedded cluster on this machine")
    yield Command("local up", "Start the embedded cluster", "atoll_local.commands:up")
    yield Command("local down", "End its sessions and stop it", "atoll_local.commands:down")
    yield Command(
        "local status", "Show whether it runs, and what it stands on", "atoll_local.commands:status"
    )
    yield Command("local logs", "Show its log", "atoll_local.commands:logs")
    yield Command(
        "local repair", "Try again what it could not do", "atoll_local.maintenance:repair"
    )
    yield Command(
        "local reset", "Stop it and delete everything it keeps", "atoll_local.commands:reset"
    )
    yield Command("local env", "Print settings for other clients", "atoll_local.commands:env")


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
