"""`explain`: what a command would send to the cluster."""

import click

from atoll._context import Context, program_of
from atoll._errors import UsageError
from atoll._explaining import check_explainable, explained
from atoll._threads import in_thread
from atoll.output import Column, fit

_SHORT = 120
"""Characters of a body that a table shows."""


def _short(body: str) -> str:
    return body if len(body) <= _SHORT else fit(body, _SHORT)


_COLUMNS = [
    Column("method", width=6),
    Column("path", keep=True),
    Column("body", show=_short),
]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument(
    "words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [ARGS]..."
)
async def explain(context: Context, words: tuple[str, ...]) -> None:
    """Show the requests that a command would send; none is sent, and nothing is changed.

    Answers are not known: what is looked up is taken to be there, with its <id>, and to run. Where
    the command needs to know more, the rest is left out, which is told. Bodies are cut in tables;
    --output json, before the command, has all of them. Secrets are not shown.
    """
    prepared = await in_thread(program_of(context).tree.prepare, words)
    check_explainable(prepared)
    if prepared.aim:
        raise UsageError("explain takes no @NAME", hint="name a profile: explain --profile NAME …")
    found = await explained(context, prepared)
    await context.output.rows(found.sent, _COLUMNS)
    if not found.sent:
        context.output.note("nothing would be sent")
    if found.assumes:
        context.output.note("what is looked up is taken to be there, and to run")
    if found.sent and not found.is_whole:
        context.output.note("what follows depends on the answers")
