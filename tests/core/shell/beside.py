"""A plugin for tests: keys, tasks beside the prompt and click's own completion, good and bad."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import click
import trio
from click.shell_completion import CompletionItem

from atoll import (
    AtollError,
    Background,
    Candidate,
    Command,
    Completion,
    Keys,
    Name,
    Status,
    hookimpl,
)


class Beside:
    """The plugin under test; the names are those of the tasks and keys that it offers."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def atoll_background(self) -> Iterator[Background]:
        for name in self.names:
            if name in TASKS:
                yield Background(name, f"beside:{name}")

    @hookimpl
    def atoll_status(self) -> Iterator[Status]:
        yield Status("counted", "beside:counted")
        if "interrupts" in self.names:
            yield Status("interrupts", "beside:interrupts")

    @hookimpl
    def atoll_keys(self) -> Iterator[Keys]:
        yield Keys("f5", "beside:insert", "Insert a word")
        yield Keys("f6", "beside:run", "Run a line")
        yield Keys("f7", "beside:leave", "Fail")
        yield Keys("f8", "beside:is_async", "Fail otherwise")
        yield Keys("f9", "beside:missing", "Can't be loaded")
        yield Keys("c-x u", "beside:upper", "Shout")
        yield Keys("c-m", "beside:insert", "GivenParameters")
        yield Keys("c-x", "beside:insert", "Hides another")
        yield Keys("f99", "beside:insert", "No such key")
        yield Keys("q", "beside:insert", "Would not let anybody type")

    @hookimpl
    def atoll_completions(self) -> Iterator[Completion]:
        yield Completion("local-thing", "beside:local_things", ttl=1000.0, needs="context")

    @hookimpl
    def atoll_commands(self) -> Iterator[Command]:
        yield Command("pick", "Pick things", "beside:pick")


COUNTS = [0]


def counted(shell):
    """Show what the counting task has come to."""
    return f"counted {COUNTS[-1]}"


def interrupts(shell):
    """Raise what looks like Ctrl-C."""
    raise KeyboardInterrupt


async def counts(context, shell):
    """Say a line, and have the toolbar drawn anew."""
    assert context.shell is shell
    assert context.jobs is shell.jobs
    COUNTS.append(7)
    shell.say("counted to \x1b[7m seven")
    shell.redraw()


async def leaves(context, shell):
    """End, as no task may."""
    raise SystemExit(3)


async def is_cancelled(context, shell):
    """Raise what is asyncio's own."""
    raise asyncio.CancelledError


async def is_grouped(context, shell):
    """Raise a group."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(leaves, context, shell)
        nursery.start_soon(trio.sleep_forever)


async def complains(context, shell):
    """Raise what a user is to read."""
    raise AtollError("the tide is out")


async def needs_cluster(context, shell):
    """Use a cluster that is not there."""
    await context.connect()


async def needs_cluster_below(context, shell):
    """Use a cluster that is not there, in a task of its own."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(context.connect)
        nursery.start_soon(trio.sleep_forever)


def is_sync(context, shell):
    """Be no async function."""


async def echoes(context, shell):
    """Write into a FIFO what is read from another."""
    while True:
        said = await trio.to_thread.run_sync(Path("said").read_text, abandon_on_cancel=True)
        write = partial(Path("echo").write_text, said)
        await trio.to_thread.run_sync(write, abandon_on_cancel=True)


async def never_ends(context, shell):
    """Keep itself from being cancelled."""
    while True:
        with suppress(BaseException):
            await trio.sleep(0.05)


TASKS = {
    "counts",
    "leaves",
    "is_cancelled",
    "is_grouped",
    "complains",
    "needs_cluster",
    "needs_cluster_below",
    "is_sync",
    "never_ends",
    "echoes",
    "nowhere",
}


def insert(press):
    """Type something."""
    press.cursor = 0
    press.insert("echo ")


def run(press):
    """Run a line in place of what was typed."""
    press.run(f"echo ran-{len(press.text)}-{press.shell.profile_name}")


def upper(press):
    """Change what was typed."""
    press.text = press.text.upper()


def leave(press):
    """Fail."""
    raise SystemExit(9)


async def is_async(press):
    """Be async."""


async def local_things(context):
    """Return names that take no cluster."""
    return [Candidate("here one"), "here-two"]


def own_values(context, parameter, incomplete):
    """Return values as click has it, by what was given before."""
    if incomplete == "slow":
        time.sleep(0.2)
    if incomplete == "fail":
        raise SystemExit(1)
    before = context.params.get("color") or "none"
    return [CompletionItem(f"{incomplete}-{before}", help="own"), CompletionItem("other")]


class Fruit(click.ParamType):
    """A type that knows its values."""

    name = "fruit"

    def shell_complete(self, ctx, param, incomplete):
        """Return the fruits."""
        return [CompletionItem(one) for one in ("apple", "pear") if one.startswith(incomplete)]


@click.command()
@click.option("--color")
@click.option("--like", shell_complete=own_values)
@click.option("--local", type=Name("local-thing"))
@click.argument("fruits", nargs=-1, type=Fruit())
async def pick(context, **_):
    """Pick things."""
