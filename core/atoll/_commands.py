"""The tree of commands, built from records; a command is imported from its plugin when it is
used.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from atoll._errors import UsageError
from atoll._examples import Examples
from atoll._node import PROGRAM_NAMES, Node
from atoll._parsing import HelpAsked
from atoll._plugins import Provided, Registry
from atoll._profile_prefix import MARK, check_prefix
from atoll._records import Command, Option
from atoll.hookspecs import COMMANDS, OPTIONS
from atoll.text import near_matches

if TYPE_CHECKING:
    from atoll._preparing import Prepared

ALL_COMMANDS = "*"
"""The name in `Option.commands` that means all commands."""
DESTROYING = "*destroys"
"""The name in `Option.commands` that means all commands that destroy something."""
_MOST_LISTED = 3
"""The most commands that a hint names."""
_USE_LET = "use let NAME = VALUE"
_SIMILAR = {
    "bye": "use exit",
    "echo": "use print",
    "export": _USE_LET,
    "logout": "use exit",
    "man": "use help COMMAND",
    "printf": "use print",
    "set": _USE_LET,
    "setenv": _USE_LET,
    "type": "use help COMMAND",
    "which": "use help COMMAND",
}
"""Hints for names of commands in other shells, if no plugin has a command of that name."""


class NoSuchCommand(UsageError):
    """The line contains an unknown command; `path` has its words.

    `is_meant` says that the hint names the command for which other shells have this name.
    """

    def __init__(self, path: Sequence[str], *, hint: str = "", is_meant: bool = False) -> None:
        super().__init__(f"no such command: {' '.join(path)}", hint=hint)
        self.path = path
        self.is_meant = is_meant


def before_command(words: Sequence[str]) -> int:
    """Count the words before the command: `@NAME`, and words that were pasted with the line.

    Pasted words are `$` or `%`, the prompts of the system's shells, and the name of the program.
    """
    count = int(len(words) > 1 and words[0] in ("$", "%"))
    count += int(count < len(words) and words[count] in PROGRAM_NAMES)
    return count + int(count < len(words) and words[count].startswith(MARK))


class CommandTree:
    """All commands, found by their words."""

    def __init__(self, registry: Registry) -> None:
        self.root = Node()
        for name, provided in registry.named(COMMANDS).items():
            self._add(name, provided)
        self._add_options(registry.collect(OPTIONS))
        self._add_examples(registry)

    def _add(self, name: str, provided: Provided[Command]) -> None:
        *above, word = name.split()
        parent = self.root
        for depth, part in enumerate(above, start=1):
            parent = parent.children.setdefault(part, Node(tuple(above[:depth])))
        own_words = tuple(provided.record.name.split())
        if tuple(name.split()) == own_words:
            node = parent.children.setdefault(word, Node(own_words))
            node.provided = provided
        else:
            parent.aliases[word] = Node(own_words, provided)

    def _add_options(self, options: Sequence[Provided[Option]]) -> None:
        if not options:
            return
        for node in self._nodes():
            if node.provided:
                names = {node.provided.record.name, ALL_COMMANDS}
                names |= {DESTROYING} if node.destroys else set()
                node.options = [one for one in options if not names.isdisjoint(one.record.commands)]

    def _add_examples(self, registry: Registry) -> None:
        examples = Examples(registry, self._find_known)
        for node in self._nodes():
            if node.runs:
                node.examples = partial(examples.of, node)

    def _find_known(self, words: Sequence[str]) -> Node | None:
        try:
            return self.find(words)[0]
        except NoSuchCommand:
            return None

    def find(self, words: Sequence[str]) -> tuple[Node, list[str]]:
        """Follow the words as far as they name commands; returns the node and the remaining words.

        Raises NoSuchCommand, with similar names, for an unknown word where a command is expected.
        """
        node, rest = self.root, list(words)
        while rest and (below := node.child(rest[0])):
            node, rest = below, rest[1:]
        if rest and not node.runs and not rest[0].startswith("-"):
            meant = "" if node.path else _SIMILAR.get(rest[0], "")
            hint = meant or _near(node, rest[0])
            raise NoSuchCommand([*node.path, rest[0]], hint=hint, is_meant=bool(meant))
        return node, rest

    def prepare(self, words: Sequence[str]) -> "Prepared":
        """Parse a line without running anything.

        Raises UsageError for a wrong line, HelpAsked for a line that asks for help.
        """
        begin = before_command(words)
        profiles = _prefix_before(words[:begin], words[begin:])
        node, rest = self.find(words[begin:])
        if not node.runs:
            self._explain_group(node, rest)
        # Imported here, together with click, since help of groups does not need it.
        from atoll._preparing import prepare

        return prepare(node, words, rest, profiles)

    def variables_of(self, words: Sequence[str]) -> set[str]:
        """Return the variables that a line defines for its command by options such as `--range
        X=…`. The command's record names these options.
        """
        node = self.root
        for word in words[before_command(words) :]:
            if not (below := node.child(word)):
                break
            node = below
        options = node.provided.record.variables if node.provided else ()
        found = set()
        for place, word in enumerate(words):
            option, attached, value = word.partition("=")
            if option in options:
                given = value if attached else next(iter(words[place + 1 :]), "")
                found.add(given.partition("=")[0])
        return found

    def _explain_group(self, node: Node, rest: Sequence[str]) -> NoReturn:
        if rest and rest[0] not in ("-h", "--help"):
            raise UsageError(f"no such option: {rest[0]}", hint=f"{node.spelled} --help")
        if not rest and node.path:
            known = ", ".join(name for name, child in node.children.items() if not child.hidden)
            raise UsageError(f"{' '.join(node.path)} needs a command", hint=f"one of {known}")
        from atoll._help import group_help

        raise HelpAsked(group_help(node, f"{node.spelled} COMMAND [ARGS]..."))

    def _nodes(self) -> Iterator[Node]:
        """Yield every node, once for each of its names."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += [*node.children.values(), *node.aliases.values()]

    def walk(self) -> Iterator[Node]:
        """Yield every command once, sorted by name."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.provided:
                yield node
            waiting += [node.children[name] for name in sorted(node.children, reverse=True)]


def _prefix_before(before: Sequence[str], command: Sequence[str]) -> str:
    """Return the text after the `@` before a command; raises UsageError if no command follows."""
    if not (before and before[-1].startswith(MARK)):
        return ""
    profiles = before[-1].removeprefix(MARK)
    check_prefix(profiles)
    if not command:
        raise UsageError(
            f"a command is missing after {before[-1]}", hint=f"use {profiles} changes profile"
        )
    return profiles


def _near(node: Node, word: str) -> str:
    known = [name for name, child in {**node.children, **node.aliases}.items() if not child.hidden]
    below = [" ".join(one.path) for one in _called(node, word)]
    if 0 < len(below) <= _MOST_LISTED:
        return f"did you mean {' or '.join(below)}?"
    return near_matches(word, known) or f"{node.spelled} --help lists them"


def _called(node: Node, word: str) -> Iterator[Node]:
    """Yield the commands of groups below a node that have this name."""
    for child in node.children.values():
        if not child.hidden:
            if (found := child.child(word)) is not None:
                yield found
            yield from _called(child, word)
