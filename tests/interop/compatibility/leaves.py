"""Which commands a program has, by the name that all generations of clients share."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

# Runs in an official client's own Python, which may be 3.9.
_LIST = """
import click, json
from ai.backend.cli.loader import load_entry_points

def walk(command, path, context):
    group = hasattr(command, "list_commands")
    for name in command.list_commands(context) if group else ():
        below = command.get_command(context, name)
        if below is not None and not below.hidden:
            yield from walk(below, path + [name], context)
    if not group or (path and command.invoke_without_command):
        takes = any(isinstance(param, click.Argument) for param in command.params)
        yield {"words": path, "takes_arguments": takes}

main = load_entry_points()
print(json.dumps(list(walk(main, [], click.Context(main)))))
"""
_PLURALS = {
    "agents": "agent",
    "domains": "domain",
    "groups": "group",
    "images": "image",
    "keypair-resource-policies": "keypair-resource-policy",
    "keypairs": "keypair",
    "resources": "resource",
    "scaling-groups": "scaling-group",
    "sessions": "session",
    "users": "user",
    "vfolders": "vfolder",
}
_OTHER_NAMES = {
    "admin alias-image": "admin image alias",
    "admin dealias-image": "admin image dealias",
    "admin forget-image": "image forget",
    "admin image forget": "image forget",
    "admin list-scaling-groups": "admin scaling-group get-available",
    "admin rescan-images": "admin image rescan",
    "admin scaling-group associate-scaling": "admin scaling-group associate-scaling-group",
    "admin scaling-group dissociate-scaling": "admin scaling-group dissociate-scaling-group",
    "admin show-license": "admin license show",
    "admin storage": "admin storage info",
    "admin storage-list": "admin storage list",
    "create": "session create",
    "create-from-template": "session create-from-template",
    "destroy": "session destroy",
    "ps": "session list",
    "rm": "session destroy",
    "session kill": "session destroy",
    "session rm": "session destroy",
    "session task-logs": "task-logs",
    "run": "session run",
    "start": "session create",
    "start-template": "session create-from-template",
    "terminate": "session destroy",
}
_OF_SESSIONS = [
    "app",
    "apps",
    "commit",
    "convert-to-image",
    "download",
    "events",
    "info",
    "logs",
    "ls",
    "rename",
    "restart",
    "scp",
    "ssh",
    "upload",
    "wait",
    "watch",
]


@frozen
class Leaf:
    """A command; `name` is what it is called in the tables, `words` what is typed."""

    name: str
    words: tuple[str, ...]
    takes_arguments: bool


def leaves_of_client(python: Path) -> list[Leaf]:
    """List the commands of an official client."""
    done = subprocess.run(
        [python, "-c", _LIST], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(done.stdout)
    return _once(
        Leaf(shared_name(one["words"]), tuple(one["words"]), one["takes_arguments"])
        for one in found
    )


def our_leaves() -> list[Leaf]:
    """List our own commands about a cluster."""
    import click

    from atoll._program import Program

    found = []
    for node in Program.load(environ={"ATOLL_HOME": "/nonexistent"}).tree.walk():
        if node.runs and not node.hidden and node.provided.origin.name not in _NOT_OF_A_CLUSTER:
            takes = any(isinstance(param, click.Argument) for param in node.load().params)
            found.append(Leaf(shared_name(node.path), node.path, takes))
    return _once(iter(found))


_NOT_OF_A_CLUSTER = {"builtin", "local", "shell"}


def _once(leaves: Iterator[Leaf]) -> list[Leaf]:
    return list({leaf.name: leaf for leaf in leaves}.values())


def shared_name(words: Sequence[str]) -> str:
    """Return the name that commands share that go by others in other generations."""
    first, *rest = words
    joined = " ".join(words)
    if joined in _OTHER_NAMES:
        return _OTHER_NAMES[joined]
    if first in _OF_SESSIONS and not rest:
        return f"session {first}"
    if first == "sesstpl":
        return " ".join(["session-template", *rest])
    if first in ("manager", "announcement", "server-logs"):
        return f"admin {joined}"
    return _name_below_admin(joined, rest) if first == "admin" and rest else joined


def _name_below_admin(joined: str, rest: Sequence[str]) -> str:
    if rest[0] in _PLURALS:
        renamed = " ".join(["admin", _PLURALS[rest[0]], *(rest[1:] or ["list"])])
        return _OTHER_NAMES.get(renamed, renamed)
    alone = len(rest) == 1 and rest[0] in _PLURALS.values()
    return f"{joined} info" if alone else joined
