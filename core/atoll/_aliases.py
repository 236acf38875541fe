"""Replaces an alias by the line that it stands for.

    alias ll = ps --all
    alias tail = 'logs --follow $1 | grep -i $2'

In that line, `$1` to `$9` stand for the words after the alias, and `$@` for all of them. If the
line has none of these, the words are added at its end. A command and an alias can't have the same
name: the command is run.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from attrs import evolve, frozen

from atoll._errors import UsageError
from atoll._line import parse
from atoll._syntax import AndOr, For, Jump, Let, Node, SimpleCommand
from atoll._words import Variable, Word
from atoll.text import quote

_PLACE = re.compile(r"\$(?:([1-9@])|\{([1-9@])\})")
_ALL = ("$@", "${@}")


@frozen
class Call:
    """An alias at the start of a line, and the words after it."""

    name: str
    line: str
    words: Sequence[Word]

    def nodes(self) -> Sequence[Node]:
        """Return the nodes of the alias's line; raises UsageError for missing words, or too
        many.
        """
        nodes = parse(self.line)
        if _PLACE.search(self.line):
            return [self._filled(node) for node in nodes]
        if not self.words:
            return nodes
        if len(nodes) > 1 or not isinstance(nodes[0], SimpleCommand) or nodes[0].system:
            raise UsageError(f"alias {self.name} takes no arguments", hint=self.meaning)
        return [evolve(nodes[0], words=(*nodes[0].words, *self.words))]

    def single(self, node: SimpleCommand) -> SimpleCommand | None:
        """Return the statement that begins with the alias, with the alias replaced; None if the
        alias is more than one command. Raises UsageError if the two can't be combined.
        """
        nodes = self.nodes()
        before = node.words[: len(node.words) - len(self.words) - 1]
        one = nodes[0]
        if len(nodes) == 1 and isinstance(one, SimpleCommand) and not one.background:
            return _merged(node, one, before)
        if before or node.source or node.target or node.pipe:
            raise UsageError(
                f"alias {self.name} is more than one command: nothing can be added to it",
                hint=self.meaning,
            )
        return None

    @property
    def meaning(self) -> str:
        """The line of the alias, as a hint."""
        return f"it stands for {self.line}"

    def _filled(self, node: Node) -> Node:
        """Return a node in which `$1` to `$9` and `$@` are replaced."""
        match node:
            case SimpleCommand():
                return self._simple(node)
            case Let():
                return evolve(node, value=self._simple(node.value))
            case AndOr():
                parts = tuple((mark, self._filled(part)) for mark, part in node.parts)
                return evolve(node, parts=parts)
            case For():
                values = (
                    [self._simple(one)] if isinstance(one, SimpleCommand) else self._word(one)
                    for one in node.values
                )
                body = tuple(self._filled(one) for one in node.body)
                return evolve(node, values=tuple(chain.from_iterable(values)), body=body)
            case Jump():
                return node

    def _simple(self, node: SimpleCommand) -> SimpleCommand:
        return evolve(
            node,
            words=tuple(chain.from_iterable(map(self._word, node.words))),
            source=self._file(node.source),
            target=self._file(node.target),
            pipe=self._system(node.pipe),
            system=self._system(node.system),
        )

    def _file(self, word: Word | None) -> Word | None:
        return None if word is None else _joined(self._word(word))

    def _word(self, word: Word) -> Sequence[Word]:
        """Return the words that replace a word; `$@` alone may become several."""
        if word in _ALL:
            return self.words
        parts = (word,) if isinstance(word, str) else word
        made: list[Word] = []
        for part in parts:
            made += self._text(part) if isinstance(part, str) else [(part,)]
        return [_joined(made)]

    def _text(self, text: str) -> Iterator[Word]:
        at = 0
        for found in _PLACE.finditer(text):
            yield text[at : found.start()]
            at = found.end()
            yield _joined(self._given(found), " ")
        yield text[at:]

    def _given(self, found: re.Match[str]) -> Sequence[Word]:
        """Return the words that a `$1` or `$@` stands for; raises UsageError if they
        are missing.
        """
        place = found[1] or found[2]
        if place == "@":
            return self.words
        if int(place) > len(self.words):
            words = "a word" if place == "1" else f"{place} words"
            raise UsageError(f"alias {self.name} needs {words}", hint=self.meaning)
        return [self.words[int(place) - 1]]

    def _system(self, text: str) -> str:
        """Put the words into a command of the system, quoted where necessary."""
        return _PLACE.sub(lambda found: " ".join(map(_spelled, self._given(found))), text)


def _merged(outer: SimpleCommand, inner: SimpleCommand, before: Sequence[Word]) -> SimpleCommand:
    """Combine the command of an alias with the text around the alias; raises UsageError."""
    if inner.system and (before or outer.source or outer.target or outer.pipe):
        raise UsageError(
            f"{outer.text}: a system command can't take input, output or arguments from an alias"
        )
    return evolve(
        inner,
        words=(*before, *inner.words),
        line=outer.line,
        text=outer.text,
        source=outer.source or inner.source,
        target=outer.target or inner.target,
        append=outer.append if outer.target else inner.append,
        pipe=" | ".join(pipe for pipe in (inner.pipe, outer.pipe) if pipe),
        first=outer.first or inner.first,
    )


def _joined(words: Sequence[Word], between: str = "") -> Word:
    """Join words into one."""
    parts: list[str | Variable] = []
    for number, word in enumerate(words):
        parts += [between] if number and between else []
        parts += [word] if isinstance(word, str) else word
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return tuple(parts)


def _spelled(word: Word) -> str:
    if isinstance(word, str):
        return quote(word)
    # Variables of lines are also in the environment of the system's shell.
    return "".join(quote(one) if isinstance(one, str) else f'"{one.raw}"' for one in word)
