"""A node in the tree of commands: a command, a group, or both."""

import sys
from threading import RLock
from typing import TYPE_CHECKING

from atoll._plugins import Provided
from atoll._records import Command, Example, Option
from atoll.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

PROGRAM_NAMES = ("atoll", "backend.ai")


def program_name() -> str:
    """Return the name by which the program was called."""
    name = sys.argv[0].rpartition("/")[2]
    return name if name in PROGRAM_NAMES else PROGRAM_NAMES[0]


class Node:
    """A word in the tree: a command, a group, or both."""

    def __init__(
        self, path: tuple[str, ...] = (), provided: Provided[Command] | None = None
    ) -> None:
        self.path = path
        self.provided = provided
        self.children: dict[str, Node] = {}
        self.aliases: dict[str, Node] = {}
        self.options: list[Provided[Option]] = []
        self.examples: Callable[[], list[Example]] = list
        """Returns examples of the command."""
        self._click: click.Command | None = None
        self._loading = RLock()

    @property
    def spelled(self) -> str:
        """The words that a user types, including the name of the program."""
        return " ".join([program_name(), *self.path])

    @property
    def summary(self) -> str:
        """What the command does, in one line."""
        return printable(self.provided.record.summary) if self.provided else ""

    @property
    def hidden(self) -> bool:
        """Whether help does not list it."""
        return self.provided is not None and self.provided.record.hidden

    @property
    def secret(self) -> bool:
        """Whether its lines are not stored in the history."""
        return self.provided is not None and self.provided.record.secret

    @property
    def destroys(self) -> bool:
        """Whether it destroys something that the user may want back."""
        return self.provided is not None and self.provided.record.destroys

    @property
    def writes_files(self) -> bool:
        """Whether it writes files on this machine."""
        return self.provided is not None and self.provided.record.writes_files

    @property
    def single(self) -> bool:
        """Whether it can run on one cluster only, not on several profiles at once."""
        return self.provided is not None and self.provided.record.single

    @property
    def asyncio(self) -> bool:
        """Whether it uses asyncio."""
        return self.provided is not None and self.provided.record.asyncio

    @property
    def runs(self) -> bool:
        """Whether it is a command, and not only a group."""
        return self.provided is not None and self.provided.record.load is not None

    def child(self, word: str) -> "Node | None":
        """Return the node below with this name or alias."""
        return self.children.get(word) or self.aliases.get(word)

    def load(self) -> "click.Command":
        """Import the command; raises PluginError if its plugin fails.

        All callers and threads get the same object, since completion identifies values by their
        parameter object.
        """
        with self._loading:
            if self._click is None:
                self._click = self._load()
            return self._click

    def _load(self) -> "click.Command":
        assert self.provided is not None  # noqa: S101  # callers ask `runs` first
        # Imported here, since help that only lists commands does not need it.
        from atoll._adapting import load_adapted

        return load_adapted(self.provided, self.options, self.path, self._examples)

    def _examples(self) -> list[str]:
        from atoll._example_lines import written

        return written(self.examples(), program_name())
