"""`use`: changes the profile for the following lines of this prompt or script."""

import click
import trio

from atoll._colors import color_problem
from atoll._context import Context, program_of
from atoll._errors import UsageError
from atoll._names import Name
from atoll._target import Choice
from atoll.output import Column

_COLUMNS = [Column("profile"), Column("endpoint"), Column("access_key", "Access key")]


@click.command()
@click.argument("name", required=False, type=Name("profile"))
async def use(context: Context, name: str | None) -> None:
    """Turn to a profile, in this prompt or script alone; without NAME, tell which one is in use.

    Jobs go on where they were begun. `profile use` is for all that begins later, `@NAME` before a
    command for that line alone, and `@*` goes over all profiles.
    """
    target = program_of(context).target
    if name is None:
        _tell(context, await trio.to_thread.run_sync(target.choice))
    elif not target.lasts or not context.foreground:
        raise UsageError(
            "use works only in a script or at the prompt", hint=f"atoll profile use {name}"
        )
    else:
        await trio.to_thread.run_sync(target.change_to, name)
        if problem := color_problem(target):
            context.output.warn(problem)


def _tell(context: Context, choice: Choice) -> None:
    if choice.problem:
        raise choice.problem
    record = {
        "profile": choice.name,
        "endpoint": choice.profile.endpoint if choice.profile else None,
        "access_key": choice.profile.access_key if choice.profile else None,
    }
    context.output.item(record, _COLUMNS)
