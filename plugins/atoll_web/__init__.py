"""Serves Backend.AI's own web page, the WebUI, for the profile in use."""

from collections.abc import Iterator

from atoll import Command, Example, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """The command that serves the page."""
    yield Command("web", "Open the cluster's web page", "atoll_web.command:web", single=True)


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """Examples of the command."""
    from atoll_web.examples import EXAMPLES

    yield from EXAMPLES
