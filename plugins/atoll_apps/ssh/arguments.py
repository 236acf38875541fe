"""Parses the arguments of ssh, scp and sftp; the option for the port is handled by this program."""

from collections.abc import Sequence
from typing import NamedTuple

from attrs import evolve, frozen

from atoll import UsageError


@frozen
class OptionSyntax:
    """The options of a program.

    `with_value` are the one-letter options that take a value, `port` is the option for the port.
    `maybe_port` is for the port if a number follows, as in backend.ai, and otherwise an option of
    the program. With `options_anywhere`, options may follow arguments.
    """

    program: str
    with_value: str
    port: str
    maybe_port: str = ""
    options_anywhere: bool = False


SSH = OptionSyntax("ssh", "BbcDEeFIiJLlmOoQRSWw", port="p")
SCP = OptionSyntax("scp", "cDFiJloSX", port="P", maybe_port="p", options_anywhere=True)
SFTP = OptionSyntax("sftp", "BbcDFiJlLoRSsX", port="P", maybe_port="p")


class CommandLine(NamedTuple):
    """A parsed command line: options with their values, the other arguments, and the port."""

    options: list[str]
    rest: list[str]
    port: int = 0


def find_session(syntax: OptionSyntax, words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the session and the other words, with options that were before the session.

    Raises UsageError.
    """
    if not words[0].startswith("-"):
        return words[0], list(words[1:])
    parsed = parse_command_line(evolve(syntax, options_anywhere=False), words)
    if not parsed.rest:
        raise UsageError(f"{syntax.program}: missing argument 'SESSION'")
    session, *rest = parsed.rest
    return session, [*parsed.options, f"--port={parsed.port}", *rest]


def parse_command_line(syntax: OptionSyntax, words: Sequence[str]) -> CommandLine:
    """Separate options, other arguments and the port; raises UsageError."""
    waiting = list(words)
    options: list[str] = []
    rest: list[str] = []
    port = 0
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            rest.append(word)
            if not syntax.options_anywhere:
                break
        elif (named := _port_of(syntax, word, waiting)) is not None:
            port = named
        else:
            options += [word, *_value_of(syntax, word, waiting)]
    return CommandLine(options, rest + waiting, port)


def _port_of(syntax: OptionSyntax, word: str, waiting: list[str]) -> int | None:
    """If the option is for the port, remove its value and return the port; return None for another
    option.
    """
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if name != "--port":
            raise UsageError(
                f"{syntax.program}: no such option: {word}",
                hint="write options of atoll before the session",
            )
        return _port(syntax, value if equals else _next(syntax, word, waiting))
    letter, value = word[1], word[2:]
    if letter == syntax.port:
        return _port(syntax, value or _next(syntax, word, waiting))
    if letter == syntax.maybe_port and (value or (waiting or [""])[0]).isdigit():
        return _port(syntax, value or waiting.pop(0))
    return None


def _value_of(syntax: OptionSyntax, word: str, waiting: list[str]) -> list[str]:
    """Remove and return the value of an option that takes one, unless it is in the same word."""
    for place, letter in enumerate(word[1:], start=1):
        if letter in syntax.with_value:
            is_last = place == len(word) - 1
            return [_next(syntax, word, waiting)] if is_last else []
    return []


def _next(syntax: OptionSyntax, word: str, waiting: list[str]) -> str:
    if not waiting:
        raise UsageError(f"{syntax.program}: {word} needs a value")
    return waiting.pop(0)


def _port(syntax: OptionSyntax, text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise UsageError(f"{syntax.program}: {text!r} is not a port")
    return int(text)


def flags(syntax: OptionSyntax, options: Sequence[str]) -> set[str]:
    """Return the letters of all options."""
    letters: set[str] = set()
    waiting = list(options)
    while waiting:
        word = waiting.pop(0)
        for letter in word[1:]:
            letters.add(letter)
            if letter in syntax.with_value:
                break
        _value_of(syntax, word, waiting)
    return letters
