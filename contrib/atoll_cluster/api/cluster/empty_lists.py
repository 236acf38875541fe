"""Answer empty lists for objects that clients list but this cluster does not have.

Requests to create such objects get an error, see :mod:`atoll_cluster.api.request.unsupported`.
"""

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import not_found


async def nothing(_: Call) -> Response:
    """Answer with an empty list."""
    return reply([])


async def no_runtimes(_: Call) -> Response:
    """`GET /services/_/runtimes`: the runtimes for model serving; since 24.03."""
    return reply({"runtimes": []})


async def no_fields(_: Call) -> Response:
    """`GET /image/import`: the fields of the form to import images; always empty."""
    return reply({"fieldGroups": []})


async def no_service(call: Call) -> Response:
    """`GET /services/{id}`: always Problem 404."""
    raise not_found("object", f"no service {call.path('id')}")


ROUTES: Routes = (
    route("GET", "/services", nothing),
    route("GET", "/services/_/runtimes", no_runtimes),
    route("GET", "/services/{id}", no_service),
    route("GET", "/image/import", no_fields),
)
