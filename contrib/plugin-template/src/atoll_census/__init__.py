"""How many sessions there are, by their status."""

from collections.abc import Iterator

from atoll import Command, Setting, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """`census`, whose code is imported when somebody types it."""
    yield Command("census", "Count your sessions by status", "atoll_census.commands:census")


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """How many are asked for at once."""
    yield Setting("census.page", 100, "Sessions that census asks for at once")
