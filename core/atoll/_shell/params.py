"""The parameters that may follow the words of a command."""

import re
from collections.abc import Iterator, Sequence

import click
from attrs import define, field

from atoll._records import Candidate

NUMBER = re.compile(r"\d+(\.\d+)?")
"""A number of seconds, which may stand before a command's line argument, as in `watch 2 ps`."""


@define
class GivenParameters:
    """The parameters that the complete words of a command have given.

    `waiting` is the option whose value comes next, `values` are the values of arguments, `closed`
    says whether `--` has ended the options.
    """

    command: click.Command
    given: set[str] = field(factory=set)
    values: list[str] = field(factory=list)
    waiting: click.Option | None = None
    closed: bool = False

    @classmethod
    def of(cls, command: click.Command, words: Sequence[str]) -> "GivenParameters":
        """Read the words of a command; wrong ones are not reported."""
        taken = cls(command)
        missing = 0
        for word in words:
            if missing:
                missing -= 1
            else:
                missing = taken._take(word)
            taken.waiting = taken.waiting if missing else None
        return taken

    def _take(self, word: str) -> int:
        """Read a word; returns how many values of an option must follow."""
        if self.closed or not word.startswith("-") or word == "-":
            self.values.append(word)
            self.closed = self.closed or self._ends_options(word)
            return 0
        if word == "--":
            self.closed = True
            return 0
        name, attached, _ = word.partition("=") if word.startswith("--") else (word, "", "")
        option = self.option(name)
        if option is None and not word.startswith("--"):
            option, attached = self._cluster(word)
        if option is None:
            return 0
        self.given.add(option.name or "")
        self.waiting = option
        return 0 if attached or not takes_value(option) else option.nargs

    def _ends_options(self, word: str) -> bool:
        """Whether all following words belong to another command, as in the line that `watch`
        repeats.
        """
        settings = self.command.context_settings
        mixes = settings.get("allow_interspersed_args", self.command.allow_interspersed_args)
        return not mixes and not NUMBER.fullmatch(word)

    def _cluster(self, word: str) -> tuple[click.Option | None, str]:
        """Read `-abc`, several flags; the last of them may need a value, or have it attached."""
        option = None
        for at, char in enumerate(word[1:], start=1):
            option = self.option(f"-{char}")
            if option is None or takes_value(option):
                return option, word[at + 1 :]
            self.given.add(option.name or "")
        return option, ""

    def option(self, name: str) -> click.Option | None:
        """Return the option with this spelling."""
        return next((one for one in self._options() if name in _spellings(one)), None)

    def argument(self) -> tuple[click.Argument | None, list[str]]:
        """Return the argument that the next word belongs to, and its earlier values."""
        left = list(self.values)
        for param in self.command.params:
            if isinstance(param, click.Argument):
                if param.nargs < 0 or len(left) < param.nargs:
                    return param, left
                left = left[param.nargs :]
        return None, []

    def value_of(self, name: str) -> str:
        """Return the value of an argument; empty if it has none."""
        left = list(self.values)
        for param in self.command.params:
            if isinstance(param, click.Argument) and left and param.nargs > 0:
                if param.name == name:
                    return left[0]
                left = left[param.nargs :]
        return ""

    def offered(self, typed: str) -> Iterator[Candidate]:
        """Yield the options that may still follow, each in the spelling that fits best."""
        for option in () if self.closed else self._options():
            repeats = option.multiple or option.count
            if not option.hidden and (repeats or option.name not in self.given):
                for spellings in filter(None, (option.opts, option.secondary_opts)):
                    yield Candidate(_fitting(spellings, typed), _help(option))

    def _options(self) -> Iterator[click.Option]:
        return (param for param in self.command.params if isinstance(param, click.Option))


def takes_value(option: click.Option) -> bool:
    """Whether a value must follow the option."""
    return not option.is_flag and not option.count


def _fitting(spellings: Sequence[str], typed: str) -> str:
    """Return a spelling that begins with the typed text, a long one if possible."""
    return min(spellings, key=lambda one: (not one.startswith(typed), not one.startswith("--")))


def _spellings(option: click.Option) -> list[str]:
    return [*option.opts, *option.secondary_opts]


def _help(option: click.Option) -> str:
    return " ".join((option.help or "").split())
