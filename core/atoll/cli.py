"""Front door 1: one command, and the choice between the doors.

Imports here are late on purpose: what a start needs depends on the line, and `--version` needs
nothing.
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    import click

    from atoll.program import Program


def main() -> None:
    """Run the program; the console scripts `atoll` and `backend.ai` call this."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.exit(show_version())
    # Start-up makes many objects and hardly any garbage: look for it less often.
    gc.set_threshold(100_000, 50, 50)
    leave(run_guarded(sys.argv[1:]))


def run_guarded(arguments: Sequence[str]) -> int:
    """Do what the arguments ask; Ctrl-C and a reader that has left become exit codes too."""
    try:
        code = run(arguments)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141
    return code


def leave(code: int) -> NoReturn:
    """End the process; what can no longer be written, since its reader has gone, is dropped."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    # All is closed by now, and taking the interpreter apart costs a fifth of what `--help` does.
    os._exit(code)


def show_version() -> int:
    """Print the version; returns the exit code."""
    from atoll._version import __version__

    print(f"atoll {__version__}")  # noqa: T201  # said before there is anything to say it with
    return 0


USAGE = "atoll [OPTIONS] [COMMAND [ARGS]...]"


class Options(NamedTuple):
    """The options of `atoll` itself, which stand before the command."""

    words: tuple[str, ...] = ()
    profile: str | None = None
    output: str = ""
    no_plugins: bool = False
    lines: str | None = None
    script: str | None = None
    keep_going: bool = False
    skip_tls_check: bool = False
    version: bool = False
    help: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Understand the options before the command; raises UsageError."""
    import click

    from atoll.errors import UsageError

    parser = _root()
    try:
        context = parser.make_context("atoll", list(arguments))
    except click.ClickException as error:
        raise UsageError(error.format_message().rstrip("."), hint="atoll --help") from None
    return Options(**context.params)


def _root() -> "click.Command":
    import click

    return click.Command(
        "atoll",
        context_settings={"allow_interspersed_args": False},
        add_help_option=False,
        params=[
            click.Option(["-c", "lines"], metavar="LINES", help="Run these lines."),
            click.Option(
                ["-f", "--file", "script"], metavar="FILE", help="Run the lines of a file."
            ),
            click.Option(
                ["--keep-going"], is_flag=True, help="Don't stop at the first line that fails."
            ),
            click.Option(
                ["--output"], metavar="FORMAT", default="", help="Write records in this format."
            ),
            click.Option(["--profile"], metavar="NAME", help="Use this profile."),
            click.Option(
                ["--no-plugins"], is_flag=True, help="Leave out plugins that don't ship with atoll."
            ),
            click.Option(
                ["--skip-sslcert-validation", "skip_tls_check"],
                is_flag=True,
                help="Trust any certificate, and so anyone on the way to the cluster.",
            ),
            click.Option(["-V", "--version"], is_flag=True, help="Show the version."),
            click.Option(["-h", "--help"], is_flag=True, help="Show this help."),
            click.Argument(["words"], nargs=-1, type=click.UNPROCESSED),
        ],
    )


def _option_rows() -> list[tuple[str, str]]:
    import click

    context = click.Context(_root())
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    return [record for record in (one.get_help_record(context) for one in options) if record]


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments ask; returns the exit code."""
    from atoll.errors import AtollError
    from atoll.program import Program, warn

    try:
        options = parse(arguments)
        if options.version:
            return show_version()
        program = Program.load(plugins=not options.no_plugins)
        program.settings.profile_name = options.profile
        program.settings.skip_tls_check = options.skip_tls_check
        return _open_door(program, options)
    except AtollError as error:
        warn(str(error))
        return error.exit_code


def _open_door(program: "Program", options: Options) -> int:
    if options.help:
        from atoll.commands import group_help

        print(group_help(program.tree.root, USAGE, _option_rows()))  # noqa: T201  # help is the output here
        return 0
    if options.words:
        return _one_command(program, options)
    if options.lines is not None or options.script is not None or not sys.stdin.isatty():
        return _batch(program, options)
    from atoll.shell import run_shell

    return run_shell(program, output_format=options.output)


def _one_command(program: "Program", options: Options) -> int:
    from atoll.commands import HelpAsked

    try:
        # Before an event loop is loaded: help and usage errors need none.
        program.tree.prepare(options.words)
    except HelpAsked as asked:
        print(asked)  # noqa: T201  # help is the output here
        return 0
    from atoll import runtime
    from atoll.line import Statement, quote
    from atoll.runner import Runner

    async def one() -> int:
        statement = Statement(words=options.words, text=" ".join(map(quote, options.words)))
        code = await Runner(program, output_format=options.output).run(statement)
        await program.aclose()
        return code

    return runtime.run(one, guest=program.needs_asyncio())


def _batch(program: "Program", options: Options) -> int:
    from pathlib import Path

    from atoll import runtime
    from atoll.batch import Batch
    from atoll.errors import AtollError
    from atoll.terminal import Source

    batch = Batch(program, options.keep_going, options.output)
    if options.lines is not None:
        script, stdin = Source.of_text(options.lines), Source()
    elif options.script is not None:
        try:
            script = Source(Path(options.script).open(encoding="utf-8"))  # noqa: SIM115  # it is open as long as the program runs
            stdin = Source()
        except OSError as error:
            raise AtollError(f"{options.script}: {error.strerror}") from None
    else:
        script, stdin = Source(), None
    guest = program.needs_asyncio()
    return runtime.run(lambda: batch.run(script, stdin=stdin), guest=guest)
