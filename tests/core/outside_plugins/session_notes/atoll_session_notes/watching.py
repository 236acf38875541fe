"""What counts sessions while the prompt is open, and shows their number."""

import trio

from atoll import Context, ShellState
from atoll_sessions.api import list_sessions

_REST = 0.2
_seen: list[str] = []


async def count(context: Context, shell: ShellState) -> None:
    """Ask for sessions every now and then; what has changed is drawn."""
    api = await context.connect()
    while True:
        found = [str(one.id) async for one in list_sessions(api, ["id"])]
        if found != _seen:
            _seen[:] = found
            shell.redraw()
        await trio.sleep(_REST)


def segment(shell: ShellState) -> str:
    """Show how many there are."""
    return f"notes: {len(_seen)}"
