"""`explain`: shows what a command would send to the cluster."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from atoll._aliases import Call
from atoll._context import Context, program_of
from atoll._errors import UsageError
from atoll._explaining import Explanation, check_explainable, explained
from atoll._line import parse
from atoll._names import Name
from atoll._syntax import SimpleCommand
from atoll._threads import in_thread
from atoll._words import as_written
from atoll.output import Column, fit

if TYPE_CHECKING:
    from atoll._program import Program

_LONGEST_BODY = 120
"""Characters of a body that a table shows."""


def _short(body: str) -> str:
    return body if len(body) <= _LONGEST_BODY else fit(body, _LONGEST_BODY)


_COLUMNS = [
    Column("method", width=6),
    Column("path", keep=True),
    Column("body", show=_short),
]


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", nargs=-1, required=True, type=Name("line"), metavar="COMMAND [ARGS]...")
async def explain(context: Context, words: tuple[str, ...]) -> None:
    """Show the requests that a command would send; none is sent, and nothing is changed.

    Answers are not known: what is looked up is taken to be there, with its <id>, and to run. Where
    the command needs to know more, the rest is left out, which is told. Bodies are cut in tables;
    --output json, before the command, has all of them. Secrets are not shown.

    A line of several commands is one word: explain 'rm work; ps'.
    """
    program, found = program_of(context), list[Explanation]()
    for command in _commands(program, words):
        prepared = await in_thread(program.tree.prepare, command)
        check_explainable(prepared)
        found.append(await explained(context, prepared))
    await context.output.rows([sent for one in found for sent in one.sent], _COLUMNS)
    if not any(one.sent for one in found):
        context.output.note("nothing would be sent")
    if any(one.assumes for one in found):
        context.output.note("assumed: what the command looks up exists, and sessions run")
    if any(one.sent and not one.is_whole for one in found):
        context.output.note("not shown: further requests, which depend on the answers")


def _commands(program: "Program", words: Sequence[str]) -> list[Sequence[str]]:
    """Return the commands that the words stand for: the first word may be an alias, and a single
    word may be a whole line. Raises UsageError.
    """
    line = program.aliases.lines.get(words[0])
    if line is not None and program.tree.root.child(words[0]) is None:
        return _simple(Call(words[0], line, words[1:]).nodes())
    if len(words) == 1 and words[0].split() != [words[0]]:
        return _simple(parse(words[0]))
    return [words]


def _simple(nodes: Sequence[object]) -> list[Sequence[str]]:
    if not nodes or not all(isinstance(one, SimpleCommand) and one.words for one in nodes):
        raise UsageError("explain takes commands without pipes, files and variables")
    simple = [one for one in nodes if isinstance(one, SimpleCommand)]
    return [[as_written(word) for word in one.words] for one in simple]
