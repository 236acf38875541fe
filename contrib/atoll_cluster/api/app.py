"""The ASGI application: all routes, and the headers of every answer."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atoll_cluster.api import cluster as cluster_area
from atoll_cluster.api import folders, sessions, templates, tunnel
from atoll_cluster.api.gql import route as gql
from atoll_cluster.api.request import background
from atoll_cluster.api.request.background import BackgroundTasks
from atoll_cluster.api.request.problems import Problem, method_not_allowed, url_not_found
from atoll_cluster.api.request.ratelimit import ANONYMOUS, Allowance, RateLimiter
from atoll_cluster.api.request.shutdown import UnavailableOnShutdown
from atoll_cluster.api.request.throttle import Attempts
from atoll_cluster.api.request.unsupported import unsupported_route
from atoll_cluster.api.sessions.runs import Executions
from atoll_cluster.cluster import Cluster

ROUTES: tuple[BaseRoute, ...] = (
    *cluster_area.ROUTES,
    *gql.ROUTES,
    *sessions.ROUTES,
    *tunnel.ROUTES,
    *background.ROUTES,
    *folders.ROUTES,
    *templates.ROUTES,
)
"""All routes of the API, over HTTP and over websockets."""


def build_app(cluster: Cluster) -> ASGIApp:
    """Build the application."""
    app = Starlette(
        routes=ROUTES,
        exception_handlers={HTTPException: _unrouted},
    )
    app.router.redirect_slashes = False
    app.state.cluster = cluster
    app.state.limiter = RateLimiter()
    app.state.attempts = Attempts()
    app.state.background = BackgroundTasks(cluster.supervisor)
    app.state.executions = Executions(cluster.supervisor, cluster.scheduler.idleness)
    return RateHeaders(UnavailableOnShutdown(app))


async def _unrouted(request: Request, error: Exception) -> Response:
    """Answer a request for which Starlette found no route (404) or no method (405)."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status in {404, 405} and (unsupported := unsupported_route(request.scope["path"])):
        return unsupported.response()
    if status == 405:
        return method_not_allowed().response()
    if status == 404:
        return url_not_found(request.scope["path"]).response()
    return Problem(status, "generic-bad-request", "Bad request.", str(error)).response()


class RateHeaders:
    """ASGI middleware that adds the headers of the rate limit to every answer and error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope.setdefault("state", {})

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                allowance: Allowance = scope["state"].get("allowance", ANONYMOUS)
                message["headers"] = [*message.get("headers", []), *allowance.headers()]
            await send(message)

        await self._app(scope, receive, send_with_headers)
