"""What is told of sessions that end."""

from atoll import Context, ShellState
from atoll_sessions.hooks import SessionChange


async def farewell(change: SessionChange, context: Context, shell: ShellState) -> None:
    """Tell of an end."""
    if change.is_end:
        shell.say(f"farewell, {change.session_name}")
