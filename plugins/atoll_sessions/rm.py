"""`rm`: end sessions."""

import click

from atoll import AtollError, Context, Name
from atoll_sessions.api import destroy, find_session
from atoll_sessions.stats import tell_last_stats


@click.command()
@click.argument("sessions", nargs=-1, required=True, type=Name("session"))
@click.option("-f", "--forced", is_flag=True, help="End it whatever its state.")
@click.option(
    "-o", "--owner", "--owner-access-key", metavar="ACCESS_KEY", help="Sessions of another user."
)
@click.option("-s", "--stats", is_flag=True, help="Show what each has used.")
async def rm(
    context: Context, sessions: tuple[str, ...], forced: bool, owner: str | None, stats: bool
) -> int:
    """Terminate sessions, named by id, start of id, or name; a pending one is cancelled."""
    api = await context.connect()
    first_failure = 0
    for reference in sessions:
        try:
            # Another user's sessions are found by the cluster alone.
            found = reference if owner else (await find_session(api, reference)).id
            last = await destroy(api, found, forced=forced, owner=owner)
        except AtollError as error:
            context.output.warn(f"{reference}: {error}" if len(sessions) > 1 else str(error))
            first_failure = first_failure or error.exit_code
        else:
            context.output.note(f"session {reference} is {last.get('status', 'terminated')}")
            if stats:
                tell_last_stats(context, last)
    return first_failure
