"""The built-in keywords of lines, so that they can be listed, completed and explained."""

from typing import NoReturn

import click

from atoll._context import Context, program_of
from atoll._errors import UsageError
from atoll._variables import Values
from atoll.output import Column

_VARIABLES = [Column("name"), Column("value")]
_NO_SCRIPT = "atoll -c LINES and atoll -f FILE run it"


def _refuse(word: str) -> NoReturn:
    raise UsageError(f"{word} works only in a script or at the prompt", hint=_NO_SCRIPT)


@click.command()
@click.argument("words", nargs=-1, metavar="NAME = VALUE")
async def let(context: Context, words: tuple[str, ...]) -> None:
    """Keep what a command gives, or a text, as a variable; alone, list the variables.

    `let s = start -q python` keeps a session, `$s` is its id, `$s.name` its name.
    `let x = ps | first` keeps the first of several records, `let x = 'some text'` a text.
    """
    if words:
        _refuse("let")
    kept = program_of(context).variables.kept
    rows = [{"name": name, "value": _shown(values)} for name, values in kept.items()]
    await context.output.rows(rows, _VARIABLES)


def _shown(values: Values) -> str:
    if values.are_records and len(values.items) != 1:
        return f"{len(values.items)} records"
    return "\n".join(one.text for one in values.items)


@click.command("print", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1)
async def print_(context: Context, words: tuple[str, ...]) -> None:
    """Write words with a blank between them: print $s.name is $s.status."""
    context.output.stream("stdout", " ".join(words) + "\n")


@click.command("for")
@click.argument("words", nargs=-1, metavar="NAME in VALUES { … }")
async def for_(_context: Context, **_words: object) -> None:
    """Run statements once for each value: for s in $(ps --name-only) { info $s }.

    Values are words, variables, and what commands give. `break` ends the loop, `continue` goes on
    to the next value.
    """
    _refuse("for")


@click.command()
@click.argument("file", metavar="FILE")
async def source(_context: Context, **_file: object) -> None:
    """Run the lines of FILE here: the variables that it sets stay."""
    _refuse("source")
