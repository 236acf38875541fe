"""Options that plugins add to the commands of others."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, NamedTuple

import click

from atoll._plugins import PluginError, Provided
from atoll._records import Option
from atoll._warnings import warn

_KEY = "atoll.options"


class Given(NamedTuple):
    """An option that a plugin adds, and what it was given, which may be its default."""

    provided: Provided[Option]
    name: str
    value: Any

    @property
    def has_value(self) -> bool:
        """Whether it was given anything."""
        return self.value is not None and self.value is not False and self.value != ()


class Added(NamedTuple):
    """An option that a plugin adds to a command, loaded."""

    provided: Provided[Option]
    option: click.Option

    @property
    def spellings(self) -> list[str]:
        """How it may be written."""
        return [*self.option.opts, *self.option.secondary_opts]

    def noting(self) -> click.Option:
        """Return a copy that notes what it is given, for :func:`given`, and hands the command none
        of it: the command may have a parameter of the same name.
        """
        option, origin = copy(self.option), self.provided.origin
        name, callback = option.name or "", option.callback

        def note(context: click.Context, param: click.Parameter, value: Any) -> None:
            value = callback(context, param, value) if callback else value
            context.meta.setdefault(_KEY, []).append(Given(self.provided, name, value))

        option.name = f"{origin.name}.{name}"
        option.callback = note
        option.expose_value = False
        option.allow_from_autoenv = False
        if not origin.built_in:
            option.help = f"{option.help or ''} (plugin {origin.name})".strip()
        return option


def given(context: click.Context) -> list[Given]:
    """Return what the added options have been given on the line of this context."""
    found: list[Given] = context.meta.get(_KEY, [])
    return found


def load_added(
    options: Iterable[Provided[Option]],
    command: click.Command,
    path: Sequence[str],
) -> list[Added]:
    """Load the options that are added to a command; one that can't be used costs a warning."""
    taken = dict.fromkeys(_spellings(command), "the command")
    found: list[Added] = []
    for provided in options:
        try:
            added = _load(provided)
        except PluginError as error:
            warn(error.message)
            continue
        clashing = [text for text in added.spellings if text in taken]
        if not clashing:
            taken |= dict.fromkeys(added.spellings, str(provided.origin))
            found.append(added)
        elif not provided.origin.built_in:
            option = f"option {clashing[0]} of {' '.join(path)}"
            warn(f"{provided.origin}: {option} is already provided by {taken[clashing[0]]}")
    return found


def _load(provided: Provided[Option]) -> Added:
    option = provided.load()
    if not isinstance(option, click.Option):
        raise PluginError(provided.origin, f"{provided.record.load} is no click option")
    return Added(provided, option)


def _spellings(command: click.Command) -> Iterator[str]:
    """Yield how the options of a command are written, and of those below it."""
    for param in command.params:
        if isinstance(param, click.Option):
            yield from (*param.opts, *param.secondary_opts)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _spellings(below)
