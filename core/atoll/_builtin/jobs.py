"""`jobs`: what runs in the background."""

import click

from atoll._context import Context
from atoll.output import Column

_COLUMNS = [
    Column("number", "Job", right=True),
    Column("state"),
    Column("exit_code", "Exit code", right=True),
    Column("elapsed", show=lambda seconds: f"{seconds:.1f} s", right=True),
    Column("text", "Line"),
]


@click.command()
async def jobs(context: Context) -> None:
    """List what runs in the background, and what has ended since you last asked."""
    await context.output.rows(context.jobs.all(), _COLUMNS)


@click.command()
@click.argument("numbers", nargs=-1, required=True, type=int)
async def cancel(context: Context, numbers: tuple[int, ...]) -> None:
    """Interrupt jobs by their numbers."""
    for number in numbers:
        context.jobs.cancel(number)
