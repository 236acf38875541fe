"""Check the version, signature, rate limit and parameters of a request, then call its handler.

A handler takes a :class:`Call`, and returns a response or raises Problem; :func:`route` makes a
Starlette route of it. Only the tables of routes say which routes are public.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from attrs import frozen
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from atoll_cluster.api.request.access import Caller, authenticate, owner_of
from atoll_cluster.api.request.freeze import refuse_changes_if_frozen
from atoll_cluster.api.request.hosts import read_host
from atoll_cluster.api.request.params import (
    MAX_BODY,
    MAX_PUBLIC_BODY,
    Params,
    query_params,
    read_params,
)
from atoll_cluster.api.request.problems import (
    Problem,
    forbidden,
    internal_error,
    kernel_failed,
    store_failed,
    unauthorized,
    unavailable,
)
from atoll_cluster.api.request.versions import read_version
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.store.errors import StoreError

if TYPE_CHECKING:
    from atoll_cluster.api.request.ratelimit import RateLimiter
    from atoll_cluster.api.request.throttle import Attempts

_log = logging.getLogger(__name__)


@frozen
class Call:
    """An accepted request; `authenticated` is None only on public routes."""

    request: Request
    cluster: Cluster
    params: Params
    authenticated: Caller | None

    @property
    def caller(self) -> Caller:
        """The keypair and the user who signed the request."""
        if self.authenticated is None:
            raise unauthorized()
        return self.authenticated

    @property
    def owner(self) -> Caller:
        """The user for whom the request is: that of `owner_access_key`, or the caller."""
        return owner_of(self.caller, self.cluster.store.accounts, self.params)

    @property
    def attempts(self) -> "Attempts":
        """The limits on attempts to guess secrets."""
        attempts: Attempts = self.request.app.state.attempts
        return attempts

    @property
    def address(self) -> str:
        """The address of the client, or an empty text if it is unknown."""
        return self.request.client.host if self.request.client else ""

    def path(self, name: str) -> str:
        """Return a decoded parameter of the path."""
        value: str = self.request.path_params[name]
        return value


Handler = Callable[[Call], Awaitable[Response]]


def route(
    methods: str,
    path: str,
    handler: Handler,
    *,
    public: bool = False,
    superadmin: bool = False,
    raw: bool = False,
    limit: int | None = None,
) -> Route:
    """Create a route; `methods` are separated by spaces. With `raw`, the handler reads the body.

    A `public` route needs no signature; a `superadmin` route needs the signature of a superadmin.
    `limit` is the most bytes of a JSON body, if this is not the usual number.
    """
    most = limit or (MAX_PUBLIC_BODY if public else MAX_BODY)

    async def endpoint(request: Request) -> Response:
        try:
            caller = admit(request, public=public, superadmin=superadmin)
            params = query_params(request) if raw else await read_params(request, most)
            return await handler(Call(request, request.app.state.cluster, params, caller))
        except Problem as problem:
            return problem.response()
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # The client does not read it.
        except EngineError as error:
            return kernel_failed(str(error)).response()
        except StoreError as error:
            _log.warning("%s %s was refused: %s", request.method, request.scope["path"], error)
            return store_failed(error).response()
        except Exception:  # noqa: BLE001 - the client needs an answer
            _log.exception("%s %s failed", request.method, request.scope["path"])
            return internal_error().response()

    return Route(path, endpoint, methods=methods.split())


def admit(
    connection: HTTPConnection, *, public: bool = False, superadmin: bool = False
) -> Caller | None:
    """Check host, version, signature, rate and role of a request; raises Problem."""
    read_host(connection)
    version = read_version(connection.headers)
    if public:
        return None
    cluster: Cluster = connection.app.state.cluster
    if cluster.stopping.is_set():
        raise unavailable("the cluster is stopping")
    accounts = cluster.store.accounts
    caller = authenticate(connection, version, accounts)
    limiter: RateLimiter = connection.app.state.limiter
    connection.state.allowance = limiter.admit(caller.access_key, caller.keypair.rate_limit)
    cluster.store.usage.keypair(caller.access_key)
    if superadmin and not caller.is_superadmin:
        raise forbidden("superadmin privilege required")
    refuse_changes_if_frozen(connection, cluster.store)
    return caller


def reply(content: Any, status: int = HTTPStatus.OK) -> JSONResponse:
    """Return a JSON answer."""
    return JSONResponse(content, status_code=status)


def no_content() -> Response:
    """Return 204."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


Routes = Iterable[Route]
