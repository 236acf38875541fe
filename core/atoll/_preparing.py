"""Prepares a line: imports its command, and has click parse its words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from attrs import define, evolve

from atoll._added_options import GivenOption, given
from atoll._click_prompts import collecting_prints
from atoll._deferred import DeferredCalls
from atoll._errors import AtollError, UsageError
from atoll._parsing import HelpAsked, guarded_parsing
from atoll._secrets import without_secrets

if TYPE_CHECKING:
    from atoll._node import Node


@define
class Prepared:
    """A parsed line: its command, its deferred calls, and the values of options that plugins add.

    `calls` is a context manager: enter it, and leave it when all calls are done. `words` are those
    of the line, with `***` in place of each secret. `profiles` is the text after the `@` before the
    command, empty for none.
    """

    node: "Node"
    words: tuple[str, ...]
    calls: DeferredCalls
    given: Sequence[GivenOption]
    profiles: str = ""
    result: Any = None
    """The value that the command returns; for a step of the line, that of the step."""


def prepare(node: "Node", words: Sequence[str], rest: list[str], profiles: str) -> Prepared:
    """Import a command and parse its words, `rest`, without running anything.

    Raises UsageError for a wrong line, HelpAsked for a line that asks for help.
    """
    assert node.provided is not None  # noqa: S101  # a node that runs has a record
    with (
        guarded_parsing(node.provided.origin, " ".join(node.path)),
        collecting_prints() as collected,
    ):
        try:
            return evolve(_parse(node, words, rest), profiles=profiles)
        except click.exceptions.Exit as end:
            raise HelpAsked(collected.take().removesuffix("\n"), end.exit_code) from None


def _parse(node: "Node", words: Sequence[str], rest: list[str]) -> Prepared:
    """Have click parse the words after a command's name; raises UsageError."""
    command = node.load()
    with DeferredCalls() as calls:
        try:
            context = command.make_context(node.spelled, rest)
            calls.begin(context)
            result = command.invoke(context)
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                raise KeyboardInterrupt from None
            raise AtollError("aborted") from None
        except click.ClickException as error:
            raise usage_error(node, error) from None
        kept = calls.keep()
    return Prepared(node, without_secrets(words, context), kept, given(context), result=result)


def usage_error(node: "Node", error: click.ClickException) -> UsageError:
    """Return click's error as a UsageError with a message in our format."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return _missing_arguments(node, error.ctx)
    message = " ".join(error.format_message().split()).rstrip(".")
    return UsageError(
        f"{' '.join(node.path)}: {message[:1].lower()}{message[1:]}",
        hint=f"{node.spelled} --help",
    )


def _missing_arguments(node: "Node", context: click.Context) -> UsageError:
    name, command = " ".join(node.path), context.command
    if isinstance(command, click.Group):
        hint = f"one of {', '.join(command.list_commands(context))}"
        return UsageError(f"{name} needs a command", hint=hint)
    return UsageError(f"{name} needs arguments", hint=f"{node.spelled} --help")
