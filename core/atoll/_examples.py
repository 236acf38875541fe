"""Examples of commands, which their help shows."""

from typing import TYPE_CHECKING

from atoll._plugins import Registry
from atoll._records import Example
from atoll.hookspecs import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from atoll._node import Node


class Examples:
    """The examples of all commands, collected when help is shown for the first time. `find` finds a
    command by its words.
    """

    def __init__(self, registry: Registry, find: "Callable[[Sequence[str]], Node | None]") -> None:
        self._registry = registry
        self._find = find
        self._by_load: dict[str, list[tuple[Node, Example]]] | None = None

    def of(self, node: "Node") -> list[Example]:
        """Return the examples of a command, with the command's name as the user has typed it: a
        command may have several names.
        """
        if node.provided is None or node.provided.record.load is None:
            return []
        found = self._all().get(node.provided.record.load, [])
        own = [example for other, example in found if other.path == node.path]
        return own or [_renamed(example, other, node) for other, example in found]

    def _all(self) -> "dict[str, list[tuple[Node, Example]]]":
        if self._by_load is None:
            self._by_load = {}
            for provided in self._registry.collect(EXAMPLES):
                node = self._find(provided.record.line.split())
                if node is not None and node.provided and node.provided.record.load:
                    load = node.provided.record.load
                    self._by_load.setdefault(load, []).append((node, provided.record))
        return self._by_load


def _renamed(example: Example, old: "Node", new: "Node") -> Example:
    rest = example.line.split()[len(old.path) :]
    start = example.line.index(rest[0], len(" ".join(old.path))) if rest else len(example.line)
    return Example(" ".join([*new.path, example.line[start:]]).rstrip(), example.text)
