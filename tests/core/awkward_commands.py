"""Commands that do what click allows, and what no plugin should."""

import asyncio
import os
import sys
import threading
import time
from io import StringIO
from pathlib import Path

import click
import trio

from atoll import AtollError, aio
from atoll.output import Column


def say(context, text):
    context.output.stream("stdout", f"{text}\n")


# How a command ends.

ENDS = {
    "exit5": lambda: sys.exit(5),
    "exit0": sys.exit,
    "exit999": lambda: sys.exit(999),
    "exittext": lambda: sys.exit("it said so"),
    "base": lambda: _throw(type("Odd", (BaseException,), {})("odd")),
    "cancelled": lambda: _throw(asyncio.CancelledError("gone")),
    "group": lambda: _throw(BaseExceptionGroup("several", [SystemExit(6)])),
    "oddgroup": lambda: _throw(
        BaseExceptionGroup("several", [asyncio.CancelledError("gone"), AtollError("told")])
    ),
    "usage": lambda: _throw(click.UsageError("Not so.")),
    "bad": lambda: _throw(click.BadParameter("not this")),
    "click": lambda: _throw(click.ClickException("It broke")),
    "file": lambda: _throw(click.FileError("some.txt", "gone")),
    "abort": lambda: _throw(click.Abort()),
    "fail": lambda: click.get_current_context().fail("It can't"),
    "ctxexit": lambda: click.get_current_context().exit(7),
    "os": lambda: Path("/no/such/file").read_text(),
}
RETURNS = {
    "256": 256,
    "-1": -1,
    "999": 999,
    "text": "text",
    "True": True,
    "3.5": 3.5,
    "list": [None, 4],
    "object": object(),
    "255": 255,
    "None": None,
}


def _throw(error):
    raise error


@click.command()
@click.argument("how")
async def ends(context, how):
    """End in some way."""
    await trio.lowlevel.checkpoint()
    ENDS[how]()


@click.command()
@click.argument("how")
def ends_sync(how):
    """End in some way, in a callback that is not async."""
    ENDS[how]()


@click.command()
@click.argument("what")
async def returns(context, what):
    """Return something."""
    return RETURNS[what]


@click.command()
async def nested(context):
    """Leave within a nursery."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        nursery.start_soon(_leave)


async def _leave():
    sys.exit(8)


def _ends_callback(context, param, value):
    if value:
        ENDS[value]()


class Odd(click.ParamType):
    name = "odd"

    def convert(self, *_):
        raise ValueError("a type of mine")


@click.command()
@click.option("--how", callback=_ends_callback)
@click.option("--odd", type=Odd())
async def param(context, how, odd):
    """Have a parameter that raises."""


# What click promises.


@click.command()
@click.argument("source", type=click.File())
@click.option("--to", type=click.File("w"))
async def files(context, source, to):
    """Read one file, write another."""
    await trio.lowlevel.checkpoint()
    text = source.read()
    to.write(text.upper()) if to else say(context, text.strip())


@click.command()
@click.option("--name", prompt=True)
@click.option("--pin", prompt="PIN", hide_input=True, type=int)
async def asks(context, name, pin):
    """Ask for what is missing."""
    say(context, f"{name} {pin}")


@click.command()
@click.confirmation_option(prompt="Really")
async def sure(context):
    """Ask before it does something."""
    say(context, "done")


@click.command()
@click.version_option("1.2", prog_name="eager")
@click.option("--number", type=int, required=True)
async def eager(context, number):
    """Tell its version."""


@click.command()
@click.option("--word", envvar="AWKWARD_WORD")
@click.pass_context
async def passed(ctx, context, word):
    """Take click's context."""
    await trio.lowlevel.checkpoint()
    assert click.get_current_context() is ctx
    say(context, f"{ctx.info_name.split()[-1]} {word}")


@click.command()
@click.argument("name", default="you")
def plain(name):
    """A command of another program."""
    click.echo(f"hello {name}, in {'main' if _is_main() else 'another'} thread")


def _is_main():
    return threading.current_thread() is threading.main_thread()


@click.command()
def questions():
    """Ask in a callback that is not async."""
    answer = click.prompt("how many", type=int)
    if click.confirm("go on", abort=True):
        click.echo(answer + 1)


@click.command()
async def wrong(context):
    """Ask where that would stop everything."""
    click.prompt("anything")


@click.command()
async def echoes(context):
    """Print, and emit a record."""
    click.echo("from click")
    print("from print")  # noqa: T201  # what a careless author does
    await context.output.rows([{"a": 1}], [Column("a")])


@click.command()
@click.pass_context
async def closes(ctx, context):
    """Have something closed at the end."""
    ctx.call_on_close(lambda: say(context, "closed"))
    say(context, "open")


@click.command(no_args_is_help=True)
@click.option("--x")
async def needy(context, x):
    """Need something."""


class Obj:
    text = "an object"


@click.group()
@click.option("--loud", is_flag=True)
@click.pass_context
def group(ctx, loud):
    """A group with a callback."""
    ctx.obj = Obj()
    ctx.obj.loud = loud


@group.command()
@click.pass_obj
async def below(obj, context):
    """Take what the group has made."""
    say(context, obj.text.upper() if obj.loud else obj.text)


@group.result_callback()
def after(context, result, loud):
    say(context, f"after {result} {loud}")
    return 3


@click.group(chain=True, invoke_without_command=True)
async def chain(context):
    """Several commands on one line."""
    say(context, "first")


@chain.command("one")
@click.argument("word")
async def one(context, word):
    """Say a word."""
    say(context, word)


@chain.command("two")
def two():
    """Fail."""
    return 2


@click.command()
@click.pass_context
async def invokes(ctx, context):
    """Call another command."""
    await ctx.invoke(closes.callback, context)
    await ctx.invoke(returns, context, what="None")


@click.command("refused")
@click.option("--x")
async def refused_(context, y):
    """Take something else than click hands over."""


# What it does to the process.


@click.command()
async def wrecks(context):
    """Change what all share."""
    sys.stdout = sys.stderr = StringIO()
    os.chdir("/")


@click.command()
async def blocks(context):
    """Stand still, with everything else."""
    say(context, "blocking")
    time.sleep(60)  # noqa: ASYNC251  # what a careless author does


@click.command()
def sleeps():
    """Stand still in a thread."""
    click.echo("sleeping")
    time.sleep(60)


# asyncio.


async def _sum(*numbers):
    await asyncio.sleep(0)
    return sum(numbers)


@click.command()
async def loops(context):
    """Await asyncio code."""
    say(context, await aio(_sum, 1, 2))


@click.command()
async def loops_not(context):
    """Await asyncio code without having said so."""
    await aio(_sum, 1, 2)
