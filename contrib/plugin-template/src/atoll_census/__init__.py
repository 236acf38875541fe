"""A plugin that counts sessions by their status."""

from collections.abc import Iterator

from atoll import Command, Setting, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Add the command `census`; its code is imported at its first use."""
    yield Command("census", "Count your sessions by status", "atoll_census.commands:census")


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Add the setting `census.page`: the number of sessions in one request."""
    yield Setting("census.page", 100, "Number of sessions that census requests at a time")
