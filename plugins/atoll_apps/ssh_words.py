"""The words of a line that go to ssh, scp or sftp, and the one that is ours: the port."""

from collections.abc import Sequence
from typing import NamedTuple

from attrs import evolve, frozen

from atoll import UsageError


@frozen
class Syntax:
    """How a program's options are told from what follows them.

    `with_value` are the one-letter options that take a value, `port` the one that names a port.
    `maybe_port` does so where a number follows, as the document has it, and else is the program's
    own. With `interspersed`, options may stand anywhere.
    """

    program: str
    with_value: str
    port: str
    maybe_port: str = ""
    interspersed: bool = False


SSH = Syntax("ssh", "BbcDEeFIiJLlmOoQRSWw", port="p")
SCP = Syntax("scp", "cDFiJloSX", port="P", maybe_port="p", interspersed=True)
SFTP = Syntax("sftp", "BbcDFiJlLoRSsX", port="P", maybe_port="p")


class Words(NamedTuple):
    """A line taken apart: options for the program with their values, all else, and the port."""

    options: list[str]
    rest: list[str]
    port: int = 0


def find_session(syntax: Syntax, words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the session, and the words after it, options that stand before it among them.

    Raises UsageError.
    """
    if not words[0].startswith("-"):
        return words[0], list(words[1:])
    taken = take_apart(evolve(syntax, interspersed=False), words)
    if not taken.rest:
        raise UsageError(f"{syntax.program}: missing argument 'SESSION'")
    session, *rest = taken.rest
    return session, [*taken.options, f"--port={taken.port}", *rest]


def take_apart(syntax: Syntax, words: Sequence[str]) -> Words:
    """Separate options from the rest, and take the port out of them; raises UsageError."""
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
            if not syntax.interspersed:
                break
        elif (named := _port_of(syntax, word, waiting)) is not None:
            port = named
        else:
            options += [word, *_value_of(syntax, word, waiting)]
    return Words(options, rest + waiting, port)


def _port_of(syntax: Syntax, word: str, waiting: list[str]) -> int | None:
    """Return the port that an option names, taking its value; None for another option."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if name != "--port":
            raise UsageError(
                f"{syntax.program}: no such option: {word}",
                hint="options of atoll stand before the session",
            )
        return _port(syntax, value if equals else _next(syntax, word, waiting))
    letter, value = word[1], word[2:]
    if letter == syntax.port:
        return _port(syntax, value or _next(syntax, word, waiting))
    if letter == syntax.maybe_port and (value or (waiting or [""])[0]).isdigit():
        return _port(syntax, value or waiting.pop(0))
    return None


def _value_of(syntax: Syntax, word: str, waiting: list[str]) -> list[str]:
    """Take the value of the first letter that wants one, unless it is in the same word."""
    for place, letter in enumerate(word[1:], start=1):
        if letter in syntax.with_value:
            is_last = place == len(word) - 1
            return [_next(syntax, word, waiting)] if is_last else []
    return []


def _next(syntax: Syntax, word: str, waiting: list[str]) -> str:
    if not waiting:
        raise UsageError(f"{syntax.program}: {word} needs a value")
    return waiting.pop(0)


def _port(syntax: Syntax, text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise UsageError(f"{syntax.program}: {text!r} is no port")
    return int(text)


def flags(syntax: Syntax, options: Sequence[str]) -> set[str]:
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
