"""Commands, names and segments for the tests of the prompt, loaded by text as any plugin's are."""

import os
from collections.abc import Iterator
from pathlib import Path

import click
import trio

from atoll import (
    Candidate,
    Command,
    Completion,
    Name,
    Profile,
    ProfileOffer,
    Status,
    Transport,
    Unreachable,
    hookimpl,
)

THINGS = [Candidate("alpha", "the first"), Candidate("beta one"), Candidate("it's")]
ANSWERS: list[object] = []
"""What the cluster says when it is asked for things, in order; then THINGS for ever."""
ASKED: list[str] = []


class Prompted:
    """The plugin under test."""

    @hookimpl
    def atoll_commands(self) -> Iterator[Command]:
        yield Command("thing", "Things")
        yield Command("thing show", "Show things", "prompted:show", ("view",))
        yield Command("thing ls", "List things", "prompted:echo")
        yield Command("thing open", "Open files of a thing", "prompted:open_files")
        yield Command("echo", "Print words", "prompted:echo", ("say",))
        yield Command("ask", "Ask for a line", "prompted:ask")
        yield Command("linger", "Wait until interrupted", "prompted:linger")
        yield Command("begin", "Print half a line, and wait", "prompted:begin")
        yield Command("flood", "Print four megabytes", "prompted:flood")
        yield Command("drip", "Print in pieces", "prompted:drip")
        yield Command("login", "Take a secret", "prompted:echo", secret=True)
        yield Command("broken", "Can't be loaded", "prompted:nothing_there")
        yield Command("ghost", "Not listed", "prompted:echo", hidden=True)
        yield Command("late", "Take a name that is told late", "prompted:take_late")
        yield Command("family", "A group of click's own", "prompted:family")

    @hookimpl
    def atoll_completions(self) -> Iterator[Completion]:
        yield Completion("thing", "prompted:things", ttl=1000.0)
        if "TELL" in os.environ:
            yield Completion("late", "prompted:late", needs="context")
        yield Completion("file", "prompted:files", ttl=1000.0, paths=True)

    @hookimpl
    def atoll_status(self) -> Iterator[Status]:
        yield Status("steady", "prompted:steady")
        yield Status("shaky", "prompted:shaky")

    @hookimpl
    def atoll_transports(self) -> Iterator[Transport]:
        yield Transport("request", ("http",), "prompted:no_requests")


class Offering:
    """A plugin with a cluster that it could start; `running` names what tells whether it runs."""

    def __init__(self, running):
        self.running = running

    @hookimpl
    def atoll_profiles(self) -> Iterator[ProfileOffer]:
        yield ProfileOffer("offered", "", "prompted:start", f"prompted:{self.running}")


def start(*_):
    """Start the cluster."""
    raise AssertionError("nothing may be started")


def nothing_runs(home):
    """Tell that the cluster does not run."""


def one_runs(home):
    """Return the profile of the running cluster."""
    return Profile(name="offered", endpoint="http://127.0.0.1:9")


def no_requests(*_):
    """Names are made up here, so that nothing is ever sent."""
    raise AssertionError("nothing may be sent")


async def things(api):
    """Return the names of things."""
    ASKED.append(api.profile.name)
    answer = ANSWERS.pop(0) if ANSWERS else THINGS
    if isinstance(answer, BaseException):
        raise answer
    return answer


async def files(api, within, folder):
    """Return what lies in a thing: the same in all its folders."""
    ASKED.append(f"{within}:{folder}")
    above = f"{folder}/" if folder else ""
    return [f"{above}notes", f"{above}.hidden", Candidate(f"{above}deep/")]


async def late(context):
    """Return names, but only once somebody has written to the pipe that the environment names."""
    await trio.to_thread.run_sync(Path(os.environ["TELL"]).read_text, abandon_on_cancel=True)
    return ["second", "first"]


def unreachable():
    """Return the error of a cluster that is down."""
    return Unreachable("down")


def steady(state):
    """Show something at all times."""
    return f"steady {state.last_code}"


def shaky(state):
    """Fail."""
    raise LookupError("shaky broke")


@click.command()
@click.argument("things", nargs=-1, type=Name("thing"))
@click.option("-c", "--color", type=click.Choice(["red", "green"]), help="Which  colour.")
@click.option("--into", type=click.Path(path_type=Path), help="A file.")
@click.option("--below", type=click.Path(file_okay=False), help="A folder.")
@click.option("--tag", "--label", multiple=True)
@click.option("--all/--none", "-a", default=False)
@click.option("--near", type=Name("thing"))
@click.option("--inner", hidden=True)
async def show(context, **_):
    """Show things."""


@click.command()
@click.option("--like", type=Name("file", within="name"))
@click.argument("name", type=Name("thing"))
@click.argument("paths", nargs=-1, type=Name("file", within="name"))
async def open_files(context, **_):
    """Open files."""


@click.command()
@click.argument("words", nargs=-1)
async def echo(context, words):
    """Print the words."""
    context.output.stream("stdout", " ".join(words) + "\n")


@click.command()
@click.argument("name", type=Name("late"))
async def take_late(context, name):
    """Print a name."""
    context.output.stream("stdout", f"<{name}>\n")


@click.command()
@click.option("--hidden", is_flag=True)
async def ask(context, hidden):
    """Print what was answered."""
    context.output.stream("stdout", "answer: ")
    line = await context.stdin.line(hidden=hidden)
    context.output.stream("stdout", f"<{line}>\n")


@click.command()
async def linger(context):
    """Wait for ever."""
    context.output.stream("stdout", "waiting\n")
    await trio.sleep_forever()


@click.command()
async def begin(context):
    """Leave a line unfinished."""
    context.output.stream("stdout", "begun")
    await trio.sleep_forever()


@click.command()
async def flood(context):
    """Print more than a pipe takes."""
    for _ in range(64):
        context.output.stream("stdout", "x" * 65_535 + "\n")
        await context.output.drain()


@click.command()
async def drip(context):
    """Print a line in pieces, and half a line."""
    for piece in ("one", " two\nth", "ree"):
        context.output.stream("stdout", piece)
        await trio.lowlevel.checkpoint()


@click.group()
def family():
    """A group that click makes."""


@family.command()
@click.option("--depth", type=int)
async def child(context, depth):
    """Be below."""
