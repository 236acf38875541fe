"""Follow the dependencies between sessions.

Nothing limits how many levels they have. So the functions here use loops instead of recursion, and
visit each session once.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from atoll_cluster.store.records import Session
from atoll_cluster.store.sessions import Sessions

_DEEPEST = 40
"""The most levels in an answer, because readers of JSON limit the depth."""


def graph_of(sessions: Sessions, root: Session) -> dict[str, Any]:
    """Return a session and its dependencies, in the form of the API.

    The answer has each session once, below the first session that depends on it. It has at most 40
    levels; sessions that would be deeper are in the last level. `dependency_ids`, an addition of
    this cluster, lists the dependencies of a session.
    """
    unseen = sessions.needed_by(root.id)
    unseen.pop(root.id, None)
    tree = _node(root)
    queue = deque([(root, tree["depends_on"], 1)])
    while queue:
        session, below, depth = queue.popleft()
        for dependency in session.dependencies:
            if other := unseen.pop(dependency, None):
                node = _node(other)
                below.append(node)
                queue.append((other, node["depends_on"] if depth < _DEEPEST else below, depth + 1))
    return tree


def _node(session: Session) -> dict[str, Any]:
    """Return a session in the form in which 23.09 prints it; its client reads no other form."""
    return {
        "session_id": session.id,
        "session_name": session.name,
        "status": f"KernelStatus.{session.status}",
        "status_changed": session.status_changed.replace("T", " "),
        "dependency_ids": list(session.dependencies),
        "depends_on": [],
    }


def with_dependents(living: Iterable[Session], root: Session) -> list[Session]:
    """Return a session and all living sessions that depend on it, the newest first.

    A session can depend only on older ones, so each comes before the sessions that it depends on.
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
