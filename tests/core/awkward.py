"""The plugin with the commands of `awkward_commands.py`."""

from atoll import Command, hookimpl

NAMES = (
    "ends",
    "ends_sync",
    "returns",
    "nested",
    "param",
    "files",
    "asks",
    "sure",
    "eager",
    "passed",
    "plain",
    "questions",
    "wrong",
    "echoes",
    "closes",
    "needy",
    "group",
    "chain",
    "invokes",
    "wrecks",
    "blocks",
    "sleeps",
    "loops",
    "loops_not",
)


@hookimpl
def atoll_commands():
    """Offer them all, and two that can't be used."""
    for name in NAMES:
        load = f"awkward_commands:{name}"
        yield Command(name.replace("_", "-"), name, load, asyncio=name == "loops")
    yield Command("lazy", "Leaves while it is imported", "awkward_lazy:command")
    yield Command("refused", "Has a callback that can't be called", "awkward_commands:refused_")
