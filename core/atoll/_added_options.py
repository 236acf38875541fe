"""Options that plugins add to commands of other plugins."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, NamedTuple

import click

from atoll._plugins import PluginError, Provided
from atoll._records import Option
from atoll._warnings import warn

_KEY = "atoll.options"


class GivenOption(NamedTuple):
    """An option that a plugin adds, and its value on a line, which may be its default."""

    provided: Provided[Option]
    name: str
    value: Any

    @property
    def has_value(self) -> bool:
        """Whether the value is not None, False or an empty tuple."""
        return self.value is not None and self.value is not False and self.value != ()


class AddedOption(NamedTuple):
    """An option that a plugin adds to a command, loaded."""

    provided: Provided[Option]
    option: click.Option

    @property
    def spellings(self) -> list[str]:
        """All its names, such as `--note` and `-n`."""
        return [*self.option.opts, *self.option.secondary_opts]

    def recording(self) -> click.Option:
        """Return a copy that records its value for :func:`given`, and does not pass it to the
        command, which may have a parameter of the same name.
        """
        option, origin = copy(self.option), self.provided.origin
        name, callback = option.name or "", option.callback

        def record(context: click.Context, param: click.Parameter, value: Any) -> None:
            value = callback(context, param, value) if callback else value
            context.meta.setdefault(_KEY, []).append(GivenOption(self.provided, name, value))

        option.name = f"{origin.name}.{name}"
        option.callback = record
        option.expose_value = False
        option.allow_from_autoenv = False
        if not origin.built_in:
            option.help = f"{option.help or ''} (plugin {origin.name})".strip()
        return option


def given(context: click.Context) -> list[GivenOption]:
    """Return the added options that the line of this context has, with their values."""
    found: list[GivenOption] = context.meta.get(_KEY, [])
    return found


def load_added_options(
    options: Iterable[Provided[Option]],
    command: click.Command,
    path: Sequence[str],
) -> list[AddedOption]:
    """Load the options that plugins add to a command; warns of each that can't be used."""
    taken = dict.fromkeys(_spellings(command), "the command")
    found: list[AddedOption] = []
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


def _load(provided: Provided[Option]) -> AddedOption:
    option = provided.load()
    if not isinstance(option, click.Option):
        raise PluginError(provided.origin, f"{provided.record.load} is not a click option")
    return AddedOption(provided, option)


def _spellings(command: click.Command) -> Iterator[str]:
    """Yield the names of all options of a command and of its subcommands."""
    for param in command.params:
        if isinstance(param, click.Option):
            yield from (*param.opts, *param.secondary_opts)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from _spellings(below)
