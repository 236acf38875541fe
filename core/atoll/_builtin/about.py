"""`plugins`, `version` and `help`: show information about atoll itself."""

import platform
import shutil

import click
import trio

from atoll._context import Context, program_of
from atoll._failures import Failures
from atoll._manual import manual
from atoll._names import Name
from atoll._options import option_rows
from atoll._parsing import HelpAsked
from atoll._version import __version__
from atoll.output import Column

_PLUGINS = [
    Column("name"),
    Column("distribution"),
    Column("version"),
    Column("status"),
    Column("hooks", show=", ".join),
    Column("failures", show="; ".join),
]


@click.command()
async def plugins(context: Context) -> None:
    """List the plugins, what they hook into, and why one is left out.

    Failures are those of the last day that nobody was told of: in completion, and in tasks that
    live beside the prompt.
    """
    registry = program_of(context).registry
    failures = await trio.to_thread.run_sync(Failures.of(context.paths).all)
    for hook in registry.hooks.values():
        registry.collect(hook)  # collecting the records prints warnings about wrong ones
    loaded = [
        (origin, "loaded", registry.hooks_of(origin.name)) for origin in registry.origins.values()
    ]
    left_out = [(origin, problem, list[str]()) for origin, problem in registry.skipped.items()]
    rows = [
        {
            **origin._asdict(),
            "status": status,
            "hooks": hooks,
            "failures": [str(one) for one in failures if one.plugin == origin.name],
        }
        for origin, status, hooks in sorted(loaded + left_out)
    ]
    rows += [
        {
            "name": "",
            "distribution": one.distribution,
            "version": "",
            "status": one.problem,
            "hooks": [],
            "failures": [],
        }
        for one in registry.damaged
    ]
    await context.output.rows(rows, _PLUGINS)


@click.command()
async def version(context: Context) -> None:
    """Show the version of atoll, and of the Python that runs it."""
    context.output.item(
        {"version": __version__, "python": platform.python_version()},
        [Column("version", "atoll"), Column("python", "Python")],
    )


@click.command("help")
@click.argument("words", nargs=-1, type=Name("command"), metavar="[COMMAND]...")
@click.option("--man", "as_manual", is_flag=True, help="Show the manual page of atoll.")
async def help_(context: Context, words: tuple[str, ...], as_manual: bool) -> None:
    """Show help on a command, or the list of commands.

    With --man, the manual page: by `man` at a terminal, as its source elsewhere.
    """
    tree = program_of(context).tree
    if as_manual:
        await _show_manual(context, manual(tree, option_rows()))
        return
    try:
        tree.prepare([*words, "--help"])
    except HelpAsked as asked:
        await context.output.text(f"{asked}\n")


async def _show_manual(context: Context, page: str) -> None:
    if context.output.stdout.isatty() and shutil.which("man"):
        # It starts a pager, which reads its keys from the terminal.
        async with context.lends_terminal():
            await trio.run_process(["man", "-l", "-"], stdin=page.encode(), check=False)
    else:
        context.output.stream("stdout", page)
