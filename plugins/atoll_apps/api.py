"""What other plugins may import: tunnels to services, local ports that are forwarded to services,
and an HTTP server that accepts only this user.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from atoll_apps.access_options import AccessOptions, page_options, share_option
from atoll_apps.http.messages import Malformed
from atoll_apps.http.server import Connection, serve_connection
from atoll_apps.ports.connection_filter import ConnectionFilter, LimitedWarnings
from atoll_apps.ports.listeners import Bind, listening
from atoll_apps.ports.serving import serve, until_interrupted
from atoll_apps.proxy.headers import forwarded_request
from atoll_apps.proxy.requests import exchange, forward_request, is_websocket
from atoll_apps.services import Service, Services, list_services
from atoll_apps.tunnel.connector import Connector
from atoll_apps.tunnel.forwarding import forward_all
from atoll_apps.tunnel.service_start import wait_until_ready
from atoll_apps.tunnel.target import Target, open_tunnel

if TYPE_CHECKING:
    from atoll import Api


async def forward(
    api: "Api",
    target: Target,
    bind: Bind,
    say: Callable[[str], None],
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Forward a local port to a service until cancelled, for connections of this user alone.

    Start it with `port = await nursery.start(forward, api, target, bind, say)`, which returns when
    the port listens. `say` is called with one line if the cluster can't be reached (this function
    then tries again), and if a connection of another account is refused. Raises NotFound if the
    session has ended, AtollError if the address is in use.
    """
    connection_filter = ConnectionFilter(target.app, LimitedWarnings(say))
    async with listening(bind) as (listeners, port):
        task_status.started(port)
        await forward_all(Connector(api, target, say), listeners, connection_filter)


__all__ = [
    "AccessOptions",
    "Bind",
    "Connection",
    "Connector",
    "Malformed",
    "Service",
    "Services",
    "Target",
    "exchange",
    "forward",
    "forward_all",
    "forward_request",
    "forwarded_request",
    "is_websocket",
    "list_services",
    "listening",
    "open_tunnel",
    "page_options",
    "serve",
    "serve_connection",
    "share_option",
    "until_interrupted",
    "wait_until_ready",
]
