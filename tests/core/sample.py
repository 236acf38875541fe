"""Commands for the tests of core, loaded by the text `sample:…` as any plugin's are."""

import click
import trio

from atoll import AtollError, Name, NotFound
from atoll.output import Column

COLUMNS = [Column("name"), Column("size", "Size (B)", right=True)]
ROWS = [{"name": "a", "size": 1}, {"name": "bé\x1b[31m", "size": None}]


@click.command()
@click.argument("words", nargs=-1)
@click.option("--loud", is_flag=True)
async def echo(context, words, loud):
    """Print the words."""
    text = " ".join(words)
    context.output.stream("stdout", (text.upper() if loud else text) + "\n")


@click.command()
@click.argument("code", type=int)
async def leave(context, code):
    """End with an exit code."""
    return code


@click.command()
@click.option("--one", is_flag=True)
async def table(context, one):
    """Emit records."""
    if one:
        context.output.item(ROWS[0], COLUMNS)
    else:
        await context.output.rows(ROWS, COLUMNS)


@click.command()
@click.option("--why", default="a bug")
async def crash(context, why):
    """Be a bug."""
    raise ZeroDivisionError(why)


@click.command()
@click.argument("what", type=Name("thing"))
async def find(context, what):
    """Find nothing."""
    raise NotFound(f"there is no {what}", hint="look elsewhere")


@click.command()
async def grouped(context):
    """Fail inside a nursery, as concurrent code does."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_fail)
        nursery.start_soon(trio.sleep_forever)


async def _fail():
    raise AtollError("it failed inside")


@click.command()
async def read(context):
    """Print a line of standard input."""
    context.output.stream("stdout", f"<{await context.stdin.line()}>\n")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--range", "ranges", multiple=True)
async def ranged(context, words, ranges):
    """Print the words, whose variables the ranges define."""
    context.output.stream("stdout", " ".join(words) + "\n")


@click.command()
async def linger(context):
    """Wait for ever."""
    await trio.sleep_forever()


@click.group()
def family():
    """A click group of the plugin's own."""


@family.command()
async def child(context):
    """Be below."""
    context.output.stream("stdout", "child\n")
