"""Dependencies between sessions.

They may be as deep and as wide as anybody likes, and so they are followed by loops, each session
once.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from atoll_cluster.store.records import Session
from atoll_cluster.store.sessions import Sessions

_DEEPEST = 40
"""Levels of an answer; whoever reads JSON bounds its depth."""


def graph_of(sessions: Sessions, root: Session) -> dict[str, Any]:
    """Return a session and its dependencies, in the form of the API.

    Each session is listed once, below the first that waits for it, at most 40 levels deep; the rest
    is listed beside it. `dependency_ids`, an addition of this cluster, has the dependencies of
    each.
    """
    unseen = sessions.needed_by(root.id)
    unseen.pop(root.id, None)
    told = _node(root)
    queue = deque([(root, told["depends_on"], 1)])
    while queue:
        session, below, depth = queue.popleft()
        for dependency in session.dependencies:
            if other := unseen.pop(dependency, None):
                node = _node(other)
                below.append(node)
                queue.append((other, node["depends_on"] if depth < _DEEPEST else below, depth + 1))
    return told


def _node(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "session_name": session.name,
        "status": session.status,
        "status_changed": session.status_changed,
        "dependency_ids": list(session.dependencies),
        "depends_on": [],
    }


def with_dependents(living: Iterable[Session], root: Session) -> list[Session]:
    """Return a session and the running ones that depend on it, the last first.

    So none comes before one that waits for it: nothing can wait for what is not there yet.
    """
    waiting: dict[str, list[Session]] = defaultdict(list)
    for session in living:
        for dependency in session.dependencies:
            waiting[dependency].append(session)
    found = {root.id: root}
    queue = deque([root])
    while queue:
        for session in waiting[queue.popleft().id]:
            if session.id not in found:
                found[session.id] = session
                queue.append(session)
    return sorted(found.values(), key=lambda session: session.created_at, reverse=True)
