"""Tunnels: `/stream/session/{s}/tcpproxy` and `httpproxy`, which do the same.

Each websocket is one connection to the service. Binary messages carry its bytes in both directions,
and message boundaries have no meaning; text messages are ignored. A websocket cannot be closed in
one direction, so an empty binary message from the client ends its data: the service sees the end of
its input, and can still answer. When the service closes the connection, the websocket is closed
with 1001, after all data was sent.

If the client offers the subprotocol `half-close.atoll`, an empty message also tells the client that
the service's output has ended, and the websocket is closed when both directions have ended. With a
web server in between, a client requests this by `half_close`. If no program listens, the websocket
is closed with 1013; after a broken connection, with 1011.
"""

from typing import Any, Self

from attrs import frozen
from starlette.websockets import WebSocket

from atoll_cluster.api.request.params import Params, query_params
from atoll_cluster.api.request.problems import invalid_params, not_found
from atoll_cluster.api.request.safe_json import JsonError, read_object
from atoll_cluster.api.request.sockets import socket_route
from atoll_cluster.api.request.websocket_protocol import take_over
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.api.sessions.streams import session_of
from atoll_cluster.api.tunnel.copying import Tunnel
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import Connection, Kernel, Service, ServiceRefused

HALF_CLOSE = "half-close.atoll"
FEATURE = "half-close"
"""The name of half-closing in the features of `GET /`."""
_TRY_LATER = 1013


@frozen
class ServiceRequest:
    """The requested service and its options."""

    app: str
    port: int | None
    arguments: dict[str, Any]
    envs: dict[str, str]

    @classmethod
    def read(cls, params: Params, cluster: Cluster, kernel: Kernel) -> Self:
        """Check the request against the services of the kernel; raises Problem 404 and 400."""
        service = known_service(cluster, kernel, params.required("app", "service"))
        port = params.integer("port", default=service.ports[0])
        if port not in service.ports:
            raise invalid_params(f"{service.name} has no port {port}", {"port": "unknown"})
        arguments = _allowed(params, "arguments", service.allowed_arguments)
        envs = _allowed(params, "envs", service.allowed_envs)
        return cls(service.name, port, arguments, {name: str(envs[name]) for name in envs})


def known_service(cluster: Cluster, kernel: Kernel, name: str) -> Service:
    """Return a service of a kernel by its name; raises Problem 404 with advice."""
    for service in kernel.services:
        if service.name == name:
            return service
    hint = cluster.engine.missing_services().get(name)
    raise not_found("app service", hint or f"this session has no service {name!r}")


async def proxy(socket: WebSocket) -> None:
    """Connect a client to a service, and start the service if needed."""
    cluster: Cluster = socket.app.state.cluster
    subprotocol = HALF_CLOSE if HALF_CLOSE in socket.scope["subprotocols"] else None
    params = query_params(socket)
    half_close = subprotocol is not None or params.boolean("half_close")
    try:
        session = session_of(socket)
        kernel = running_kernel(cluster, session)
        request = ServiceRequest.read(params, cluster, kernel)
        connection = await kernel.connect(
            request.app, request.port, request.arguments, request.envs
        )
    except ServiceRefused as refusal:
        await socket.accept(subprotocol)
        if half_close:
            await socket.send_bytes(b"")
        await socket.close(_TRY_LATER, str(refusal))
        return
    try:
        await socket.accept(subprotocol)
        await _carry(socket, connection, session.id, half_close=half_close)
    finally:
        connection.close()


async def _carry(
    socket: WebSocket, connection: Connection, session_id: str, *, half_close: bool
) -> None:
    """Copy bytes between the client and the service until the tunnel ends."""
    cluster: Cluster = socket.app.state.cluster

    def touch() -> None:
        cluster.scheduler.idleness.touch(session_id)

    with take_over(socket.scope) as client:
        tunnel = Tunnel(client, connection.sock, touch, half_close)
        await tunnel.run(cluster.stopping)


def _allowed(params: Params, name: str, known: tuple[str, ...]) -> dict[str, Any]:
    """Read a map from JSON text; raises Problem 400 for keys that the service does not allow."""
    try:
        values = read_object(params.text(name) or "{}")
    except JsonError as error:
        why = f"must be a map in JSON text: {error}"
        raise invalid_params(f"{name} {why}", {name: why}) from None
    if not all(map(_is_argument, values.values())):
        raise invalid_params(f"{name} must be a map to texts", {name: "is not a map"})
    for key in values:
        if key not in known:
            there_are = f"use one of {', '.join(known)}" if known else "nothing can be set"
            raise invalid_params(f"{key} cannot be set here; {there_are}", {name: f"unknown {key}"})
    return values


def _is_argument(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return value is None or isinstance(value, str | int | float)


SOCKETS = tuple(
    socket_route(f"/stream/session/{{s}}/{name}", proxy) for name in ("tcpproxy", "httpproxy")
)
