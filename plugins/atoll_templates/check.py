"""`session-template check`: the errors in a file, with their positions."""

from pathlib import Path

import click

from atoll import Context, ExitCode
from atoll.output import Column
from atoll_templates.document import MOST_BYTES, read
from atoll_vfolders.api import read_text_input

_COLUMNS = [
    Column("line", right=True),
    Column("column", right=True),
    Column("where", keep=True),
    Column("problem", keep=True),
]


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
async def check(context: Context, file: Path | None) -> int:
    """Check the templates in FILE, or on standard input, and list their errors."""
    document = read(await read_text_input(context, file, MOST_BYTES))
    if document.flaws or context.output.format:
        await context.output.rows(document.flaws, _COLUMNS)
    if document.flaws:
        return ExitCode.FAILED
    context.output.note(f"no mistakes in {', '.join(document.names)}")
    return ExitCode.OK
