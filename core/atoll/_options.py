"""The options of `atoll` itself, which stand before the command."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from atoll._errors import UsageError


class Options(NamedTuple):
    """The options of `atoll` itself, which stand before the command."""

    words: tuple[str, ...] = ()
    profile: str | None = None
    output: str = ""
    no_plugins: bool = False
    lines: str | None = None
    script: str | None = None
    keep_going: bool = False
    echo: bool = False
    checkpoint: Path | None = None
    resume: bool = False
    skip_tls_check: bool = False
    timeout: float | None = None
    timings: bool = False
    version: bool = False
    help: bool = False


def parse(arguments: Sequence[str]) -> Options:
    """Parse the options before the command; raises UsageError."""
    parser = root_command()
    try:
        context = parser.make_context("atoll", list(arguments))
    except click.ClickException as error:
        from atoll._commands import program_name

        message = error.format_message().rstrip(".")
        raise UsageError(message, hint=f"{program_name()} --help") from None
    options = Options(**context.params)
    if sum((options.lines is not None, options.script is not None, bool(options.words))) > 1:
        raise UsageError("-c LINES, -f FILE and a command exclude each other", hint="atoll --help")
    if options.resume and options.checkpoint is None:
        raise UsageError("--resume needs a checkpoint", hint="--checkpoint FILE names it")
    if options.words and (options.echo or options.checkpoint):
        raise UsageError("--echo and --checkpoint are for scripts", hint="-c LINES or -f FILE")
    if options.profile == "":
        raise UsageError("--profile needs a name", hint="atoll profile list")
    return options


def root_command() -> click.Command:
    """Return the click command for `atoll` itself: its options, and all words after them."""
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
            click.Option(["--echo"], is_flag=True, help="Show each line before it runs."),
            click.Option(
                ["--checkpoint"],
                metavar="FILE",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Remember in FILE which lines were done.",
            ),
            click.Option(
                ["--resume"], is_flag=True, help="Leave out what the checkpoint says is done."
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
            click.Option(
                ["--timeout"],
                metavar="SECONDS",
                type=click.FloatRange(0, min_open=True),
                help="End a command that takes longer, with exit code 124.",
            ),
            click.Option(
                ["--timings"], is_flag=True, help="Tell what takes time at the start, and after."
            ),
            click.Option(["-V", "--version"], is_flag=True, help="Show the version."),
            click.Option(["-h", "--help"], is_flag=True, help="Show this help."),
            click.Argument(["words"], nargs=-1, type=click.UNPROCESSED),
        ],
    )


def option_rows() -> list[tuple[str, str]]:
    """Return the options as help shows them: the option and its description."""
    context = click.Context(root_command())
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    return [record for record in (one.get_help_record(context) for one in options) if record]
