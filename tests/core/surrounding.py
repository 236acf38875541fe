"""A plugin that wants things around commands, and adds options to those of others."""

import sys
from contextlib import asynccontextmanager, suppress

import click
import trio

from atoll import AtollError, Command, Hint, Invocation, Option, Problem, Secret, hookimpl


@hookimpl
def atoll_commands():
    yield Command("work", "Work", "surrounding:work")
    yield Command("work more", "Work more", "surrounding:work")
    yield Command("own", "Have options of its own", "surrounding:own", ("mine",))
    yield Command("meets", "Meet a refusal", "surrounding:meets")
    yield Command("takes", "Take secrets", "surrounding:takes")
    yield Command("hides", "Is secret", "surrounding:takes", secret=True)


@click.command()
@click.argument("what", default="")
async def work(context, what):
    """Work."""
    context.output.stream("stdout", "working\n")
    if what == "fails":
        raise AtollError("no more")
    if what == "leaves":
        sys.exit(9)
    if what == "waits":
        await trio.sleep_forever()


@click.command()
@click.argument("problem")
@click.argument("hint", default="")
async def meets(context, problem, hint):
    """Meet a refusal of the API."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_meet, problem, hint)


async def _meet(problem, hint):
    raise Problem("it can't be", hint=hint, type=problem)


class Advising:
    """Tells what to do about a refusal."""

    @hookimpl
    def atoll_hints(self):
        yield Hint("too-many-stars", "name the star by its number")


@click.command()
@click.option("--note", default="mine")
@click.option("--output", "-o")
async def own(context, note, output):
    """Have options of its own."""
    context.output.stream("stdout", f"{note} {output} {dict(context.options)}\n")


@click.command()
@click.option("-k", "--key", type=Secret())
@click.option("-e", "pairs", multiple=True, type=Secret(after="="))
@click.option("--pin", hide_input=True, type=int)
@click.argument("words", nargs=-1)
async def takes(context, key, pairs, pin, words):
    """Take secrets."""
    context.output.stream("stdout", f"{key} {' '.join(pairs)} {pin} {' '.join(words)}\n")


class Auditing:
    """Notes what it learns of each command."""

    def __init__(self):
        self.noted = []

    @hookimpl
    def atoll_invocations(self):
        yield Invocation("audit", "surrounding:audit")


NOTED = []


@asynccontextmanager
async def audit(context):
    """Note a command, and how it ends."""
    failure = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        told = type(failure).__name__ if failure else ""
        NOTED.append((context.command, context.words, context.secret, context.exit_code, told))


class Bad:
    """Wants one bad thing around commands."""

    def __init__(self, name):
        self.name = name

    @hookimpl
    def atoll_invocations(self):
        yield Invocation(self.name, f"surrounding:{self.name}")


@asynccontextmanager
async def never_begins(context):
    await trio.sleep_forever()
    yield


@asynccontextmanager
async def never_ends(context):
    try:
        yield
    finally:
        await trio.sleep_forever()


@asynccontextmanager
async def yields_nothing(context):
    return
    yield


@asynccontextmanager
async def yields_twice(context):
    try:
        yield
    finally:
        yield


@asynccontextmanager
async def leaves(context):
    sys.exit(5)
    yield


@asynccontextmanager
async def leaves_after(context):
    try:
        yield
    finally:
        raise type("Odd", (BaseException,), {})("odd")


@asynccontextmanager
async def swallows(context):
    with suppress(AtollError):
        yield


@asynccontextmanager
async def prints(context):
    print("printed")  # noqa: T201  # what a careless author does
    yield
    print("and after", end="")  # noqa: T201  # as above


@asynccontextmanager
async def keeps_a_nursery(context):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        yield
        nursery.cancel_scope.cancel()


def no_manager(context):
    return 3


class Adding:
    """Adds options to commands, each by its name in this module."""

    def __init__(self, *options, commands=("work",), around=None):
        self.options = options
        self.commands = commands
        self.around = around

    @hookimpl
    def atoll_options(self):
        for name in self.options:
            yield Option(self.commands, f"surrounding:{name}", self.around)


note = click.Option(["--note", "-n"], metavar="TEXT", help="A note about it.")
what = click.Option(["--tag", "what"], multiple=True, help="A tag.")
number = click.Option(["--number"], type=int, default=0)
flag = click.Option(["--flag"], is_flag=True)
no_option = click.Argument(["note"])


def _refuse(context, param, value):
    if value:
        raise ZeroDivisionError("a bug in the callback")


broken = click.Option(["--broken"], callback=_refuse)


@asynccontextmanager
async def noted(context, value):
    """Tell what was noted, around the command."""
    context.output.note(f"before {value!r}")
    try:
        yield
    finally:
        context.output.note(f"after {value!r}: {context.exit_code}")
