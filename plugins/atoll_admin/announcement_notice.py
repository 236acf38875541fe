"""The administrators' announcement, told once at a prompt, after its first command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atoll import Context

_PATIENCE = 1.0
_told: set[str] = set()
"""The profiles whose announcement was asked for in this program."""


@asynccontextmanager
async def tell(context: "Context") -> AsyncIterator[None]:
    """Tell of an announcement that was not dismissed, if the cluster is quick to tell."""
    yield
    if context.shell is None or not context.foreground or context.shell.profile_name in _told:
        return
    api = await context.program.connect_if_up()
    if api is None:
        return
    _told.add(context.shell.profile_name)
    import trio

    from atoll import AtollError
    from atoll_admin.services.announcement import ROUTE, SHAPE, is_dismissed

    with trio.move_on_after(_PATIENCE), suppress(AtollError):
        told = await api.json("GET", ROUTE, like=SHAPE)
        if told["enabled"] and not is_dismissed(context, api, told["message"]):
            context.output.note(f"announcement: {told['message']}")
