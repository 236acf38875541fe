"""The administrators' announcement, shown above the prompt, once for each version."""

from typing import TYPE_CHECKING

import trio

from atoll import AtollError
from atoll_admin.services.announcement import ROUTE, SHAPE, is_dismissed

if TYPE_CHECKING:
    from atoll import Api, Context, ShellState

_FIRST_PAUSE = 5.0
"""Seconds until the next check whether a cluster is in use."""
_PAUSE = 120.0
"""Seconds until the cluster in use is asked again."""


async def tell(context: "Context", shell: "ShellState") -> None:
    """While the prompt is open, show announcements that the user has not dismissed."""
    shown: set[tuple[str, str]] = set()
    while True:
        api = await context.connect_if_up()
        message = await _announced(context, api) if api else ""
        if api and message and (api.profile.name, message) not in shown:
            shown.add((api.profile.name, message))
            shell.say(f"announcement: {message}")
        await trio.sleep(_PAUSE if api else _FIRST_PAUSE)


async def _announced(context: "Context", api: "Api") -> str:
    """Return the announcement unless it was dismissed; empty if the cluster returns none."""
    try:
        answer = await api.json("GET", ROUTE, like=SHAPE)
    except AtollError:
        return ""
    message: str = answer["message"] or ""
    return message if answer["enabled"] and not is_dismissed(context, api, message) else ""
