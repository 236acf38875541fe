"""Things that this cluster does not have, but that clients list.

Requests that would create one are answered as missing, see
:mod:`atoll_cluster.api.request.unsupported`.
"""

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import not_found


async def nothing(_: Call) -> Response:
    """Answer an empty list."""
    return reply([])


async def no_runtimes(_: Call) -> Response:
    """`GET /services/_/runtimes`: the runtimes for model serving; since 24.03."""
    return reply({"runtimes": []})


async def no_fields(_: Call) -> Response:
    """`GET /image/import`: the fields of a form to import images; there are none."""
    return reply({"fieldGroups": []})


async def no_service(call: Call) -> Response:
    """`GET /services/{id}`."""
    raise not_found("object", f"no service {call.path('id')}")


ROUTES: Routes = (
    route("GET", "/services", nothing),
    route("GET", "/services/_/runtimes", no_runtimes),
    route("GET", "/services/{id}", no_service),
    route("GET", "/image/import", no_fields),
)
