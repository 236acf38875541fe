"""The options of `atoll` itself, which stand before the command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from atoll._errors import UsageError

if TYPE_CHECKING:
    import click


class Option(NamedTuple):
    """An option as help shows it; one without `value` is a flag."""

    names: tuple[str, ...]
    help: str
    value: str = ""
    field: str = ""
    """The field of :class:`Options`, if its name differs from that of the option."""


OPTIONS = (
    Option(("-c",), "Run these lines.", "LINES", "lines"),
    Option(("-f", "--file"), "Run the lines of a file.", "FILE", "script"),
    Option(("--keep-going",), "Don't stop at the first line that fails."),
    Option(("--echo",), "Show each line before it runs."),
    Option(("--checkpoint",), "Record in FILE which lines are done.", "FILE"),
    Option(("--resume",), "Skip the lines that the checkpoint records as done."),
    Option(("--output",), "Write records in this format.", "FORMAT"),
    Option(("--profile",), "Use this profile.", "NAME"),
    Option(("--no-plugins",), "Leave out plugins that don't ship with atoll."),
    Option(
        ("--skip-sslcert-validation",),
        "Accept any TLS certificate: others can read and change the traffic.",
        field="skip_tls_check",
    ),
    Option(("--timeout",), "End a command that takes longer, with exit code 124.", "SECONDS"),
    Option(("--timings",), "Show what takes time at the start and in each command."),
    Option(("-V", "--version"), "Show the version."),
    Option(("-h", "--help"), "Show this help."),
)


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
    if list(arguments) in (["-h"], ["--help"]):  # without importing click
        return Options(help=True)
    import click

    parser = root_command()
    try:
        context = parser.make_context("atoll", list(arguments))
    except click.ClickException as error:
        from atoll._node import program_name

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


def root_command() -> "click.Command":
    """Return the click command for `atoll` itself: its options, and all words after them."""
    import click

    types: Mapping[str, Mapping[str, Any]] = {
        "--checkpoint": {"type": click.Path(dir_okay=False, path_type=Path)},
        "--output": {"default": ""},
        "--timeout": {"type": click.FloatRange(0, min_open=True)},
    }
    options = [
        click.Option(
            [*one.names, *filter(None, [one.field])],
            metavar=one.value or None,
            is_flag=not one.value,
            help=one.help,
            **types.get(one.names[-1], {}),
        )
        for one in OPTIONS
    ]
    return click.Command(
        "atoll",
        context_settings={"allow_interspersed_args": False},
        add_help_option=False,
        params=[*options, click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
    )


def option_rows() -> list[tuple[str, str]]:
    """Return the options as rows of help: the option and its description."""
    return [(f"{', '.join(one.names)} {one.value}".rstrip(), one.help) for one in OPTIONS]
