"""Makes the help of groups from records, without importing any command."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atoll._node import Node

_LEAST = 20
"""The least number of characters of a text beside a name, even on a narrow terminal."""


def group_help(node: "Node", usage: str, options: Sequence[tuple[str, str]] = ()) -> str:
    """Return the help of a group: usage, options and commands."""
    lines = [f"Usage: {usage}"]
    lines += ["", f"  {node.summary}"] if node.summary else []
    sections = {"Options": list(options), **listings(node)}
    width = max((len(name) for rows in sections.values() for name, _ in rows), default=0)
    for title, rows in sections.items():
        if rows:
            lines += ["", f"{title}:"]
            for name, text in rows:
                lines += _row(f"  {name:<{width}}  ", text)
    return "\n".join(lines)


def _row(name: str, text: str) -> list[str]:
    """Return a row of help; on a terminal, a text that is too long is continued below."""
    if sys.stdout.isatty():
        # Imported here, since help in a pipe is not wrapped.
        import shutil
        import textwrap

        room = max(_LEAST, shutil.get_terminal_size().columns - len(name))
        first, *others = textwrap.wrap(text, room) or [""]
        return [f"{name}{first}".rstrip(), *(" " * len(name) + one for one in others)]
    return [f"{name}{text}".rstrip()]


def listings(node: "Node") -> dict[str, list[tuple[str, str]]]:
    """Return the rows that list commands: all of them in a group, by plugin at the top."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(node.children):
        child = node.children[name]
        if not child.hidden:
            title = "Commands" if node.path else _plugin_title(child)
            found.setdefault(title, []).append((name, _described(child)))
    return dict(sorted(found.items()))


def _described(node: "Node") -> str:
    aliases = node.provided.record.aliases if node.provided else ()
    return f"{node.summary} ({', '.join(aliases)})" if aliases else node.summary


def _plugin_title(node: "Node") -> str:
    """Return the title of a plugin's commands; `command` may be the first of a group."""
    while node.provided is None:
        node = next(iter(node.children.values()))
    name = node.provided.origin.name
    return "Atoll" if name == "builtin" else name.capitalize()
