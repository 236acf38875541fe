"""`session show-graph`: the sessions that a session waits for, directly and indirectly."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from attrs import frozen

from atoll import Context, Name
from atoll.output import Column, age, local_time
from atoll_sessions.queries import find_session


@frozen
class Node:
    """A session of a graph; `depth` is its distance from the session that the user has named.

    `again` marks one that was shown before, with the sessions that it waits for.
    """

    name: str
    id: str
    status: str
    status_changed: str
    depends_on: Sequence[str]
    depth: int = 0
    again: bool = False

    @property
    def line(self) -> str:
        """The session's line in the tree."""
        above = " (see above)" if self.again and self.depends_on else ""
        line = f"{self.name} {self.status}{above}"
        return "   " * (self.depth - 1) + "└─ " + line if self.depth else line


_COLUMNS = [
    Column("name", keep=True),
    Column("id", "Session ID", keep=True, enough=9),
    Column("status"),
    Column("status_changed", "Last updated", local_time, brief=age),
    Column("depends_on", "Depends On", ", ".join),
]


@click.command("show-graph")
@click.argument("session", type=Name("session"))
@click.option("-t", "--table", is_flag=True, help="As a table, each session once.")
async def show_graph(context: Context, session: str, table: bool) -> None:
    """Show which sessions a session waits for, and which these wait for."""
    from atoll.urls import path

    api = await context.connect()
    found = await find_session(api, session, ended=True)
    route = path("session", found.id, "dependency-graph")
    nodes = walk(await api.json("GET", route, like=dict))
    if table or context.output.format:
        rows = (node for node in nodes if not node.again)
        await context.output.rows(rows, _COLUMNS)
        return
    for node in nodes:
        context.output.stream("stdout", f"{node.line}\n")


def walk(root: Mapping[str, Any]) -> Iterator[Node]:
    """Yield the sessions of a graph from its root on; below each session, the sessions that it
    waits for, but only once.

    Otherwise a session that several others wait for would be followed once for each path to it.
    """
    known = _entries(root)
    seen: set[str] = set()
    waiting: list[tuple[Mapping[str, Any], int]] = [(root, 0)]
    while waiting:
        entry, depth = waiting.pop()
        needed = _needed(entry, known)
        node = _node(entry, needed, depth, again=str(entry.get("session_id")) in seen)
        yield node
        if not node.again:
            seen.add(node.id)
            waiting += [(one, depth + 1) for one in reversed(needed)]


def _entries(root: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return all entries of a graph by session id; of several entries of a session, the first
    one.
    """
    found: dict[str, Mapping[str, Any]] = {}
    waiting = [root]
    for entry in waiting:  # the list grows during the loop
        if str(entry.get("session_id")) not in found:
            found[str(entry.get("session_id"))] = entry
            waiting += _below(entry)
    return found


def _needed(
    entry: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the entries of what a session waits for.

    In the answer of the embedded cluster each session occurs once, with the ids of the sessions
    that wait for it.
    """
    ids = entry.get("dependency_ids")
    if not isinstance(ids, list):
        return _below(entry)
    return [known[str(one)] for one in ids if str(one) in known]


def _below(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in entry.get("depends_on") or () if isinstance(one, Mapping)]


def _node(
    entry: Mapping[str, Any], needed: Sequence[Mapping[str, Any]], depth: int, *, again: bool
) -> Node:
    return Node(
        name=str(entry.get("session_name") or ""),
        id=str(entry.get("session_id") or ""),
        # 23.09 writes the status with the name of its class before it.
        status=str(entry.get("status") or "").rpartition(".")[2],
        status_changed=str(entry.get("status_changed") or ""),
        depends_on=[str(one.get("session_name") or "") for one in needed],
        depth=depth,
        again=again,
    )
