"""Parsing command lines of OpenSSH, as far as the small programs support them."""

import shlex
from collections.abc import Sequence

from attrs import define, field

_WITH_VALUE = {
    "ssh": {"i": "identityfile", "l": "user", "p": "port", "o": ""},
    "scp": {"i": "identityfile", "P": "port", "o": ""},
    "sftp": {"i": "identityfile", "P": "port", "o": "", "b": "batch"},
    "ssh-keyscan": {"p": "port", "T": "timeout"},
}
_FLAGS = {"ssh": "aCkqTtvx46", "scp": "Cpqrv46", "sftp": "Cpqrv46", "ssh-keyscan": "46"}


class Misused(Exception):
    """The command line needs something that these programs don't support."""


@define
class Arguments:
    """A parsed line.

    `settings` are options by their name in ssh_config, in lower case and without quotes; `keys` are
    the identity files; `flags` are letters; `rest` are all other words.
    """

    program: str
    settings: dict[str, str] = field(factory=dict)
    keys: list[str] = field(factory=list)
    flags: set[str] = field(factory=set)
    rest: list[str] = field(factory=list)

    def setting(self, name: str, default: str = "") -> str:
        """Return an option's value; `none` means no value."""
        value = self.settings.get(name, default)
        return default if value == "none" else value

    def add(self, name: str, value: str) -> None:
        """Add an option; the first value counts."""
        if name == "identityfile":
            self.keys.append(value)
        else:
            self.settings.setdefault(name, value)


def parse(program: str, words: Sequence[str]) -> Arguments:
    """Parse a line; raises Misused for options that only OpenSSH has."""
    arguments = Arguments(program)
    waiting = list(words)
    while waiting and waiting[0].startswith("-") and waiting[0] != "-":
        word = waiting.pop(0)
        if word == "--":
            break
        _take_option(arguments, word, waiting)
    arguments.rest = waiting
    return arguments


def _take_option(arguments: Arguments, word: str, waiting: list[str]) -> None:
    letter = word[1]
    if letter in _WITH_VALUE[arguments.program]:
        value = word[2:] or (waiting.pop(0) if waiting else "")
        if not value:
            raise Misused(f"{word} needs a value")
        _take_value(arguments, _WITH_VALUE[arguments.program][letter], value)
    elif set(word[1:]) <= set(_FLAGS[arguments.program]):
        arguments.flags |= set(word[1:])
    else:
        raise Misused(f"the built-in client has no option {word}: install OpenSSH for it")


def _take_value(arguments: Arguments, name: str, value: str) -> None:
    if not name:
        key, _, text = value.partition("=")
        name, value = key.strip().lower(), " ".join(shlex.split(text)).replace("%%", "%")
    arguments.add(name, value)
