"""List the services of a session, and shut them down."""

import json

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, no_content, reply, route
from atoll_cluster.api.request.problems import unavailable
from atoll_cluster.api.sessions.naming import named_session
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.api.sessions.services import service_ports
from atoll_cluster.api.tunnel.proxying import ServiceRequest, known_service


async def apps(call: Call) -> Response:
    """`GET /stream/session/{s}/apps`: the services for tunnels.

    An additional header says what to install for services that are missing.
    """
    answer = reply(service_ports(call.cluster, named_session(call)))
    if missing := call.cluster.engine.missing_services():
        answer.headers["X-Atoll-Missing-Services"] = json.dumps(missing)
    return answer


async def start_service(call: Call) -> Response:
    """`POST /session/{s}/start-service`: 503, because there is no app proxy.

    If the request itself is wrong, it gets that error instead.
    """
    kernel = running_kernel(call.cluster, named_session(call))
    ServiceRequest.read(call.params, call.cluster, kernel)
    raise unavailable("This cluster has no app proxy; tunnel to the service instead.")


async def shut_down_service(call: Call) -> Response:
    """`POST /session/{s}/shutdown-service`: end a service; the next tunnel starts it again."""
    kernel = running_kernel(call.cluster, named_session(call))
    service = known_service(call.cluster, kernel, call.params.required("service_name"))
    await kernel.shut_down_service(service.name)
    return no_content()


ROUTES: Routes = (
    route("GET", "/stream/session/{s}/apps", apps),
    route("POST", "/session/{s}/start-service", start_service),
    route("POST", "/session/{s}/shutdown-service", shut_down_service),
)
