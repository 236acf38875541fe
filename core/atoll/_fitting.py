"""Makes a plugin's click command one of the shell's: its calls are made later, it has the options
that others add, and what its parameters raise is told in one line.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import click

from atoll._added import Added
from atoll._blame import HelpAsked, understanding
from atoll._plugins import Origin, PluginError
from atoll._secrets import Secret
from atoll._steps import later, takes


def fitted(command: click.Command, origin: Origin, added: Sequence[Added]) -> click.Command:
    """Return a copy of a command that fits the shell; raises PluginError where it can't be run."""
    copied = copy(command)
    copied.add_help_option = False
    copied.params = [
        *(_guarded(_hiding(param), origin) for param in command.params),
        *(_guarded(one.noting(), one.provided.origin) for one in added),
        _help_option(command),
    ]
    if copied.callback is not None:
        _check_callable(copied, origin)
        copied.callback = later(copied.callback)
    if isinstance(copied, click.Group):
        _fit_below(copied, origin, added)
    return copied


def _fit_below(group: click.Group, origin: Origin, added: Sequence[Added]) -> None:
    """Fit the commands of a group: those that it has, and those that it makes when asked."""
    get_command = group.get_command
    group.commands = {name: fitted(below, origin, added) for name, below in group.commands.items()}

    def get_fitted(context: click.Context, name: str) -> click.Command | None:
        found = get_command(context, name)
        if found is None or found is group.commands.get(name):
            return found
        return fitted(found, origin, added)

    if group._result_callback is not None:  # noqa: SLF001  # click has a way to set it, none to ask for it
        group._result_callback = later(group._result_callback)  # noqa: SLF001
    vars(group).update(get_command=get_fitted)


def _check_callable(command: click.Command, origin: Origin) -> None:
    """Refuse a callback that could only fail when it is called."""
    assert command.callback is not None  # noqa: S101  # asked before
    names = dict.fromkeys(
        param.name for param in command.params if param.expose_value and param.name
    )
    if not takes(command.callback, None, **names) and not takes(command.callback, **names):
        wanted = ", ".join(["context", *names])
        raise PluginError(origin, f"the callback of {command.name} does not take ({wanted})")


def _hiding(param: click.Parameter) -> click.Parameter:
    """Note as a secret what a parameter hides while it is typed."""
    copied = copy(param)
    if getattr(param, "hide_input", False) and not isinstance(param.type, Secret):
        copied.type = Secret(of=param.type)
    return copied


def _guarded(param: click.Parameter, origin: Origin) -> click.Parameter:
    """Have what a parameter raises, by its callback or its type, blamed on the plugin it is of."""
    handle = param.handle_parse_result

    def guarded(*values: Any, **named: Any) -> Any:
        with understanding(origin, f"{param.param_type_name} {param.opts[0]}"):
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
