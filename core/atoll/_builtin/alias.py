"""`alias` and `unalias`: names that users give to lines."""

import re
from collections.abc import Sequence

import click

from atoll._context import Context, program_of
from atoll._errors import NotFound, UsageError
from atoll._line import parse
from atoll._names import Name
from atoll._syntax import LineError
from atoll.output import Column
from atoll.text import quote

_COLUMNS = [Column("name"), Column("line")]
_USAGE = "alias NAME = LINE"
_PLAIN = re.compile(r"\$[1-9@]")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[NAME = LINE]")
async def alias(context: Context, words: tuple[str, ...]) -> None:
    """Give a line a name, or list those that have one.

    `$1` to `$9` in LINE stand for the words after the name, `$@` for all of them; where it has none
    of these, the words follow it. A line with a pipe or a semicolon stands in quotes.
    """
    aliases = program_of(context).aliases
    name, line = _definition(words)
    if line is not None:
        _check(context, name, line)
        aliases.keep(name, line)
        return
    if name and name not in aliases.lines:
        raise NotFound(f"there is no alias {name}", hint=_USAGE)
    shown = [name] if name else sorted(aliases.lines)
    await context.output.rows(
        [{"name": one, "line": aliases.lines[one]} for one in shown], _COLUMNS
    )
    if aliases.problem:
        context.output.warn(aliases.problem)


def _definition(words: Sequence[str]) -> tuple[str, str | None]:
    """Return the name, "" if none is given, and the line, if one is given; raises UsageError."""
    match words:
        case []:
            return "", None
        case [name, "=", *rest] if rest:
            return name, _line(rest)
        case [word, *rest] if "=" in word[1:]:
            # Other shells write it like this: alias ll='ps --all'.
            name, _, first = word.partition("=")
            return name, _line([first, *rest])
        case [name] if name != "=":
            return name, None
    raise UsageError("this is not an alias definition", hint=_USAGE)


def _line(words: Sequence[str]) -> str:
    if len(words) == 1:
        return words[0]
    return " ".join(word if _PLAIN.fullmatch(word) else quote(word) for word in words)


def _check(context: Context, name: str, line: str) -> None:
    """Raise UsageError for an alias that could not be run, or that has the name of a command."""
    if program_of(context).tree.root.child(name):
        raise UsageError(f"{name} is a command", hint="no alias hides one")
    try:
        nodes = parse(line)
    except LineError as error:
        raise UsageError(f"alias {name}: {error}") from None
    if not nodes:
        raise UsageError(f"alias {name} needs a line", hint=_USAGE)


@click.command()
@click.argument("names", nargs=-1, required=True, type=Name("alias"))
async def unalias(context: Context, names: tuple[str, ...]) -> None:
    """Forget aliases."""
    for name in names:
        program_of(context).aliases.forget(name)
