"""Answer requests for parts of the API that other releases have and this cluster lacks.

A test compares this list with the table in docs/local.md.
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
    "/rbac": "custom roles",
    "/container-registries": "image registries",
    "/image/import": "import of images",
    "/prometheus-query-presets": "metrics by Prometheus",
    "/resource/prometheus-query-definitions": "metrics by Prometheus",
    "/session/_/create-cluster": "sessions from templates of clusters",
    "/session/_/transit-status": "manual changes of a session's status",
    "/compute-sessions": "administration over REST (use GraphQL)",
    "/agents": "administration over REST (use GraphQL)",
    "/domains": "administration over REST (use GraphQL)",
    "/groups": "administration over REST (use GraphQL)",
    "/images": "administration over REST (use GraphQL)",
    "/projects": "administration over REST (use GraphQL)",
    "/quota-scopes": "administration over REST (use GraphQL)",
    "/resource-policies": "administration over REST (use GraphQL)",
    "/resource-slot-types": "administration over REST (use GraphQL)",
    "/users": "administration over REST (use GraphQL)",
    "/admin": "administration over REST (use GraphQL)",
}
"""What the cluster lacks, by the start of the path; the longest match applies."""

ROOTS: Mapping[str, str] = {
    "network": "networks",
    "container_registr": "image registries",
    "model_card": "the model store",
    "audit_log": "audit logs",
    "available_service": "the configuration of services",
    "service_config": "the configuration of services",
    "auto_scaling": "model serving",
    "endpoint": "model serving",
    "utilization_metric": "metrics by Prometheus",
    "idle_checker": "idle checkers for each group",
    "_node": "lists with cursors (use limit and offset)",
}
"""What the cluster lacks, by a part of the name of a root field of `Query` or `Mutation`."""

_KIND, _TITLE = "not-implemented", "This cluster does not have that."


def unsupported_route(path: str) -> Problem | None:
    """Return Problem 501 for a path that other clusters have, None for an unknown path."""
    beginnings = [one for one in ROUTES if path == one or path.startswith(f"{one}/")]
    if not beginnings:
        return None
    return Problem(501, _KIND, _TITLE, _explanation(ROUTES[max(beginnings, key=len)]), data=path)


def unsupported_root(name: str) -> str | None:
    """Return the error text for a root field that other clusters have, None for other fields."""
    what = next((ROOTS[part] for part in ROOTS if part in name), None)
    return what and _explanation(what)


def _explanation(what: str) -> str:
    return f"the embedded cluster does not have {what}; docs/local.md lists what is missing"
