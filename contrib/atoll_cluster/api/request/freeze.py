"""The frozen manager: users can show and end sessions, but they cannot create anything."""

from starlette.requests import HTTPConnection

from atoll_cluster.api.request.problems import Problem
from atoll_cluster.store.store import Store

STATUS = "manager/status"
"""The key of the setting with the manager's status, `running` or `frozen`."""

_CREATING = ("/session", "/session/_/create", "/session/_/create-from-template",
    "/session/_/create-cluster")  # fmt: skip
_CHANGES = ("/folders", "/template", "/user-config", "/group-config", "/domain-config")
_READING = ("/request-download", "/request-download-archive")


def manager_status(store: Store) -> str:
    """Return the manager's status, `running` or `frozen`."""
    return store.settings.get(STATUS) or "running"


def refuse_if_frozen(store: Store) -> None:
    """Raise Problem 503 while the manager is frozen."""
    if manager_status(store) == "frozen":
        raise Problem(
            503,
            "server-frozen",
            "The server is frozen due to maintenance.",
            "nothing can be started or changed until an administrator unfreezes the manager",
        )


def refuse_changes_if_frozen(connection: HTTPConnection, store: Store) -> None:
    """Raise Problem 503 if the manager is frozen and the request would change something."""
    path, method = connection.scope["path"], connection.scope.get("method", "GET")
    if method in {"GET", "HEAD", "OPTIONS"} or path.endswith(_READING):
        return
    if path in _CREATING or path.startswith(_CHANGES):
        refuse_if_frozen(store)
