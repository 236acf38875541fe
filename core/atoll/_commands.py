"""The tree of commands: built from light records, each command loaded from its plugin when it is
used.
"""

import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any, NamedTuple

import click

from atoll._errors import UsageError
from atoll._names import Name
from atoll._plugins import PluginError, Provided, Registry
from atoll._records import Command
from atoll.hookspecs import COMMANDS, FORMATS
from atoll.text import near_matches

PROGRAM_NAMES = ("atoll", "backend.ai")
_META = "atoll."

Call = Callable[..., Awaitable[int | None]]


class NoSuchCommand(UsageError):
    """The line names a command that there is not; `path` is what it says."""

    def __init__(self, path: Sequence[str], *, hint: str = "") -> None:
        super().__init__(f"no such command: {' '.join(path)}", hint=hint)
        self.path = path


class HelpAsked(Exception):
    """The line asks for help; the text is it."""


class Node:
    """A word of the tree: a command, a group, or both."""

    def __init__(
        self, path: tuple[str, ...] = (), provided: Provided[Command] | None = None
    ) -> None:
        self.path = path
        self.provided = provided
        self.children: dict[str, Node] = {}
        self.aliases: dict[str, Node] = {}
        self._click: click.Command | None = None

    @property
    def summary(self) -> str:
        """What the command does, in one line."""
        return self.provided.record.summary if self.provided else ""

    @property
    def hidden(self) -> bool:
        """Whether listings leave it out."""
        return self.provided is not None and self.provided.record.hidden

    @property
    def runs(self) -> bool:
        """Whether it does something itself, beside grouping others."""
        return self.provided is not None and self.provided.record.load is not None

    def child(self, word: str) -> "Node | None":
        """Return the node below by its name or alias."""
        return self.children.get(word) or self.aliases.get(word)

    def load(self) -> click.Command:
        """Import the command; raises PluginError when its plugin fails."""
        if self._click is None:
            assert self.provided is not None and self.provided.record.load is not None  # noqa: S101, PT018  # callers ask `runs` first
            command = self.provided.load()
            if not isinstance(command, click.Command):
                what = f"{self.provided.record.load} is no click command"
                raise PluginError(self.provided.origin, what)
            self._click = _fitted(command)
        return self._click


def program_name() -> str:
    """Return the name by which the program was called."""
    name = sys.argv[0].rpartition("/")[2]
    return name if name in PROGRAM_NAMES else PROGRAM_NAMES[0]


def before_command(words: Sequence[str]) -> int:
    """Count the words before the command: none, or what comes along with a line that is pasted.

    That is the prompt of a system's shell, `$`, and the name of the program.
    """
    count = int(len(words) > 1 and words[0] == "$")
    return count + int(count < len(words) and words[count] in PROGRAM_NAMES)


class Prepared(NamedTuple):
    """A line that has been understood: the command, and its callback with all arguments but the
    context.
    """

    node: Node
    call: Call
    output_format: str = ""
    profile_name: str | None = None


class CommandTree:
    """All commands, found by their words."""

    def __init__(self, registry: Registry) -> None:
        self.root = Node()
        self._formats = registry.named(FORMATS)
        for name, provided in registry.named(COMMANDS).items():
            self._add(name, provided)

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

    def find(self, words: Sequence[str]) -> tuple[Node, list[str]]:
        """Follow the words as far as they name commands; returns the node and the words that are
        left.

        Raises NoSuchCommand, with near matches, for a word that should name a command and does not.
        """
        node, rest = self.root, list(words)
        while rest and (below := node.child(rest[0])):
            node, rest = below, rest[1:]
        if rest and not node.runs and not rest[0].startswith("-"):
            raise NoSuchCommand([*node.path, rest[0]], hint=_near(node, rest[0]))
        return node, rest

    def prepare(self, words: Sequence[str]) -> Prepared:
        """Understand a line without running anything.

        Raises UsageError for what can't be understood, HelpAsked when help is what the line is for.
        """
        node, rest = self.find(words[before_command(words) :])
        if not node.runs:
            return self._prepare_group(node, rest)
        command = node.load()
        try:
            with command.make_context(_spelled(node), rest) as context:
                call = command.invoke(context)
                meta = context.meta
        except click.ClickException as error:
            raise _usage_error(node, error) from None
        except click.exceptions.Exit:
            raise HelpAsked("") from None
        return Prepared(
            node,
            call,
            self._check_format(meta.get(_META + "output") or ""),
            meta.get(_META + "profile"),
        )

    def _prepare_group(self, node: Node, rest: Sequence[str]) -> Prepared:
        if rest and rest[0] not in ("-h", "--help"):
            raise UsageError(f"no such option: {rest[0]}", hint=f"{_spelled(node)} --help")
        if not rest and node.path:
            known = ", ".join(name for name, child in node.children.items() if not child.hidden)
            raise UsageError(f"{' '.join(node.path)} needs a command", hint=f"one of {known}")
        raise HelpAsked(group_help(node))

    def _check_format(self, name: str) -> str:
        if name and name not in self._formats:
            raise UsageError(
                f"no such output format: {name}", hint=f"one of {', '.join(self._formats)}"
            )
        return name

    def walk(self) -> Iterator[Node]:
        """Yield every command once, in the order of their names."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.provided:
                yield node
            waiting += [node.children[name] for name in sorted(node.children, reverse=True)]


def _near(node: Node, word: str) -> str:
    known = [name for name, child in {**node.children, **node.aliases}.items() if not child.hidden]
    return near_matches(word, known) or f"{_spelled(node)} --help lists them"


def _spelled(node: Node) -> str:
    return " ".join([program_name(), *node.path])


def _usage_error(node: Node, error: click.ClickException) -> UsageError:
    message = " ".join(error.format_message().split()).rstrip(".")
    return UsageError(
        f"{' '.join(node.path)}: {message[:1].lower()}{message[1:]}",
        hint=f"{_spelled(node)} --help",
    )


def _fitted(command: click.Command) -> click.Command:
    """Return a copy that fits the shell: with the options all have, and a deferred call."""
    fitted = copy(command)
    if isinstance(fitted, click.Group):
        fitted.commands = {name: _fitted(below) for name, below in fitted.commands.items()}
    if (original := command.callback) is not None:
        fitted.callback = lambda **arguments: partial(_call, original, arguments)
    fitted.add_help_option = False
    taken = {text for param in command.params for text in param.opts}
    shared = [option for option in _shared_options() if not taken & set(option.opts)]
    fitted.params = [*command.params, *shared]
    return fitted


def _call(callback: Callable[..., Any], arguments: dict[str, Any], context: Any) -> Any:
    # The context goes first, by its place: its name is the plugin's own business.
    return callback(context, **arguments)


def _shared_options() -> list[click.Option]:
    return [
        click.Option(
            ["--output"],
            type=Name("format"),
            metavar="FORMAT",
            callback=_remember,
            expose_value=False,
            help="Write records in this format.",
        ),
        click.Option(
            ["--profile"],
            type=Name("profile"),
            metavar="NAME",
            callback=_remember,
            expose_value=False,
            help="Use this profile.",
        ),
        click.Option(
            ["-h", "--help"],
            is_flag=True,
            is_eager=True,
            callback=_ask_help,
            expose_value=False,
            help="Show this help.",
        ),
    ]


def _remember(context: click.Context, param: click.Parameter, value: Any) -> None:
    if value == "":
        raise click.BadParameter("it is empty", context, param)
    if value:
        context.meta[_META + str(param.name)] = value


def _ask_help(context: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        raise HelpAsked(context.get_help())


def group_help(node: Node, usage: str = "", options: Sequence[tuple[str, str]] = ()) -> str:
    """Return the help of a group: its usage, its options and what lies below it, from records
    alone.
    """
    lines = [f"Usage: {usage or _spelled(node) + ' COMMAND [ARGS]...'}"]
    lines += ["", f"  {node.summary}"] if node.summary else []
    sections = {"Options": list(options), **_listings(node)}
    width = max((len(name) for rows in sections.values() for name, _ in rows), default=0)
    for title, rows in sections.items():
        if rows:
            lines += ["", f"{title}:"]
            lines += [f"  {name:<{width}}  {text}".rstrip() for name, text in rows]
    return "\n".join(lines)


def _listings(node: Node) -> dict[str, list[tuple[str, str]]]:
    """Return the rows about what lies below: all of them in a group, by plugin at the top."""
    listings: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(node.children):
        child = node.children[name]
        if not child.hidden:
            title = "Commands" if node.path else _plugin_title(child)
            listings.setdefault(title, []).append((name, _described(child)))
    return dict(sorted(listings.items()))


def _described(node: Node) -> str:
    aliases = node.provided.record.aliases if node.provided else ()
    return f"{node.summary} ({', '.join(aliases)})" if aliases else node.summary


def _plugin_title(node: Node) -> str:
    """Name the plugin that brings a command, or the first command of a group."""
    while node.provided is None:
        node = next(iter(node.children.values()))
    name = node.provided.origin.name
    return "Atoll" if name == "builtin" else name.capitalize()
