"""Adapts a plugin's click command to the shell.

Its callbacks are called only after the whole line has been parsed. It gets the options that other
plugins add. An error that one of its parameters raises is reported in one line.
"""

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import click

from atoll._added_options import AddedOption, load_added_options
from atoll._deferred import accepts, deferred
from atoll._parsing import HelpAsked, guarded_parsing
from atoll._plugins import Origin, PluginError, Provided
from atoll._records import Command, Option
from atoll._secrets import Secret


def load_adapted(
    provided: Provided[Command],
    options: Sequence[Provided[Option]],
    path: Sequence[str],
    examples: Callable[[], Sequence[str]],
) -> click.Command:
    """Import a command and adapt it, with the options that plugins add; raises PluginError."""
    command = provided.load()
    if not isinstance(command, click.Command):
        raise PluginError(provided.origin, f"{provided.record.load} is not a click command")
    added = load_added_options(options, command, path)
    return _with_examples(adapted(command, provided.origin, added), examples)


def adapted(command: click.Command, origin: Origin, added: Sequence[AddedOption]) -> click.Command:
    """Return an adapted copy of a command; raises PluginError for one that can't be run."""
    copied = copy(command)
    copied.add_help_option = False
    copied.params = [
        *(_guarded(_with_secret(param), origin) for param in command.params),
        *(_guarded(one.recording(), one.provided.origin) for one in added),
        _help_option(command),
    ]
    if copied.callback is not None:
        _check_callable(copied, origin)
        copied.callback = deferred(copied.callback)
    if isinstance(copied, click.Group):
        _adapt_subcommands(copied, origin, added)
    return copied


def _with_examples(command: click.Command, examples: Callable[[], Sequence[str]]) -> click.Command:
    """Make a command's help end with examples, which are collected when the help is shown."""
    format_epilog = command.format_epilog

    def format_both(context: click.Context, formatter: click.HelpFormatter) -> None:
        format_epilog(context, formatter)
        if lines := examples():
            with formatter.section("Examples"):
                for line in lines:
                    # Each line stays as it is, since a line that was wrapped could not be copied.
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")

    vars(command).update(format_epilog=format_both)
    return command


def _adapt_subcommands(group: click.Group, origin: Origin, added: Sequence[AddedOption]) -> None:
    """Adapt the commands of a group, and the commands that its `get_command` returns."""
    get_command = group.get_command
    group.commands = {name: adapted(below, origin, added) for name, below in group.commands.items()}

    def get_adapted(context: click.Context, name: str) -> click.Command | None:
        found = get_command(context, name)
        if found is None or found is group.commands.get(name):
            return found
        return adapted(found, origin, added)

    if group._result_callback is not None:  # noqa: SLF001  # click has a way to set it, none to ask for it
        group._result_callback = deferred(group._result_callback)  # noqa: SLF001
    vars(group).update(get_command=get_adapted)


def _check_callable(command: click.Command, origin: Origin) -> None:
    """Raise PluginError for a callback that would always fail when it is called."""
    assert command.callback is not None  # noqa: S101  # asked before
    names = dict.fromkeys(
        param.name for param in command.params if param.expose_value and param.name
    )
    if not accepts(command.callback, None, **names) and not accepts(command.callback, **names):
        wanted = ", ".join(["context", *names])
        raise PluginError(origin, f"the callback of {command.name} does not take ({wanted})")


def _with_secret(param: click.Parameter) -> click.Parameter:
    """Return a copy of a parameter; if it hides its input, its value is a secret."""
    copied = copy(param)
    if getattr(param, "hide_input", False) and not isinstance(param.type, Secret):
        copied.type = Secret(of=param.type)
    return copied


def _guarded(param: click.Parameter, origin: Origin) -> click.Parameter:
    """Make errors of a parameter's callback or type name the plugin that the parameter is from."""
    handle = param.handle_parse_result

    def guarded(*values: Any, **named: Any) -> Any:
        with guarded_parsing(origin, f"{param.param_type_name} {param.opts[0]}"):
            return handle(*values, **named)

    vars(param).update(handle_parse_result=guarded)
    return param


def _help_option(command: click.Command) -> click.Option:
    taken = {text for param in command.params for text in (*param.opts, *param.secondary_opts)}
    return click.Option(
        [*(text for text in ("-h", "--help") if text not in taken), "atoll_help"],
        is_flag=True,
        is_eager=True,
        callback=_ask_help,
        expose_value=False,
        help="Show this help.",
    )


def _ask_help(context: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        raise HelpAsked(context.get_help())
