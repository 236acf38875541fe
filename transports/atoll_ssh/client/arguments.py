"""Understanding a command line of OpenSSH's, as far as the small programs go."""

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
    """The line asks for what these programs don't do."""


@define
class Arguments:
    """A line taken apart.

    `settings` are options by their name in ssh_config, in lower case, and without its quotes;
    `keys` the files named as identities; `flags` letters; `rest` all that is no option.
    """

    program: str
    settings: dict[str, str] = field(factory=dict)
    keys: list[str] = field(factory=list)
    flags: set[str] = field(factory=set)
    rest: list[str] = field(factory=list)

    def setting(self, name: str, default: str = "") -> str:
        """Return an option's value; `none` means that there is none."""
        value = self.settings.get(name, default)
        return default if value == "none" else value

    def add(self, name: str, value: str) -> None:
        """Take an option; the first that speaks of something holds."""
        if name == "identityfile":
            self.keys.append(value)
        else:
            self.settings.setdefault(name, value)


def parse(program: str, words: Sequence[str]) -> Arguments:
    """Take a line apart; raises Misused for options that only OpenSSH knows."""
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
