"""Parts of the API that other releases have and this cluster has not; the answer says so.

docs/local.md has the same list for people; a test compares the two.
"""

from collections.abc import Mapping

from atoll_cluster.api.request.problems import Problem

ROUTES: Mapping[str, str] = {
    "/v2": "version 2 of the API",
    "/admin/gql/strawberry": "the second GraphQL schema",
    "/services": "model serving",
    "/deployments": "model serving",
    "/auto-scaling-rules": "model serving",
    "/model-cards": "the model store",
    "/artifacts": "the model store",
    "/artifact-registries": "the model store",
    "/object-storages": "the model store",
    "/storage-namespaces": "the model store",
    "/vfs-storages": "the model store",
    "/notifications": "notifications",
    "/fair-share": "fair share scheduling",
    "/resource-usage": "fair share scheduling",
    "/scheduling-history": "the history of scheduling",
    "/export": "exports as CSV",
    "/rbac": "roles with permissions of their own",
    "/container-registries": "registries of images",
    "/image/import": "imports of images",
    "/prometheus-query-presets": "metrics by Prometheus",
    "/resource/prometheus-query-definitions": "metrics by Prometheus",
    "/session/_/create-cluster": "sessions from templates of clusters",
    "/session/_/transit-status": "moving sessions by hand from status to status",
    "/compute-sessions": "administration over REST (GraphQL has it)",
    "/agents": "administration over REST (GraphQL has it)",
    "/domains": "administration over REST (GraphQL has it)",
    "/groups": "administration over REST (GraphQL has it)",
    "/images": "administration over REST (GraphQL has it)",
    "/projects": "administration over REST (GraphQL has it)",
    "/quota-scopes": "administration over REST (GraphQL has it)",
    "/resource-policies": "administration over REST (GraphQL has it)",
    "/resource-slot-types": "administration over REST (GraphQL has it)",
    "/users": "administration over REST (GraphQL has it)",
    "/admin": "administration over REST (GraphQL has it)",
}
"""What is missing, by how paths begin; of several the longest counts."""

ROOTS: Mapping[str, str] = {
    "network": "networks",
    "container_registr": "registries of images",
    "model_card": "the model store",
    "audit_log": "audit logs",
    "available_service": "the configuration of services",
    "service_config": "the configuration of services",
    "auto_scaling": "model serving",
    "endpoint": "model serving",
    "utilization_metric": "metrics by Prometheus",
    "idle_checker": "checkers of idleness for each group",
    "_node": "lists with cursors (those with limit and offset are there)",
}
"""What is missing, by what a root of `Query` or `Mutation` has in its name."""

_KIND, _TITLE = "not-implemented", "This cluster does not have that."


def unsupported_route(path: str) -> Problem | None:
    """Return 501 for a path that other clusters have, None for one that nobody has."""
    beginnings = [one for one in ROUTES if path == one or path.startswith(f"{one}/")]
    if not beginnings:
        return None
    return Problem(501, _KIND, _TITLE, _told(ROUTES[max(beginnings, key=len)]), data=path)


def unsupported_root(name: str) -> str | None:
    """Say what a query asks for by a root that other clusters have, None for any other."""
    what = next((ROOTS[part] for part in ROOTS if part in name), None)
    return what and _told(what)


def _told(what: str) -> str:
    return f"the embedded cluster does not have {what}; docs/local.md lists such things"
