"""Options to start a service with: `--arg "--option <value>"` and `--env KEY=VALUE`."""

import shlex
from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

import click

from atoll import Secret, UsageError

Arguments: TypeAlias = dict[str, str | list[str] | None]
Decorated = TypeVar("Decorated", bound=Callable[..., object])


def start_options(command: Decorated) -> Decorated:
    """Add the options `arguments` and `env` to a command; the functions below parse their texts."""
    env = click.option(
        "-e",
        "--env",
        multiple=True,
        type=Secret(after="="),
        metavar='"KEY=VALUE"',
        help="Start the service with this environment variable. Repeatable.",
    )
    arguments = click.option(
        "--arg",
        "arguments",
        multiple=True,
        metavar='"--option <value>"',
        help="Start the service with this option. Repeatable.",
    )
    return arguments(env(command))


def parse_arguments(texts: Iterable[str]) -> Arguments:
    """Parse `--arg` texts: an option and its values, `--port 80` or `--port=80`.

    The value is None for a flag, a string, or a list of several. Raises UsageError.
    """
    arguments: Arguments = {}
    for text in texts:
        words = _words(text)
        option, equals, value = words[0].partition("=")
        values = [value] * bool(equals) + words[1:]
        arguments[option] = values if len(values) > 1 else next(iter(values), None)
    return arguments


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--arg {text}: {error}".rstrip(".").lower()) from None
    if not words:
        raise UsageError("--arg names no option", hint='such as --arg "--port 80"')
    return words


def parse_environment(texts: Iterable[str]) -> dict[str, str]:
    """Parse `--env` texts, split at the first `=`; raises UsageError for one without it."""
    environment = {}
    for text in texts:
        key, equals, value = text.strip().partition("=")
        if not equals or not key:
            raise UsageError(f"--env {text}: not of the form KEY=VALUE")
        environment[key] = value
    return environment
