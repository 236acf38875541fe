"""Forwarding the connections of a local port to a service of a session."""

from collections.abc import Sequence
from functools import partial

import trio

from atoll import AtollError, NotFound
from atoll.transport import ChannelClosed
from atoll_apps.http.filter import RequestFilter
from atoll_apps.ports.closing import close_in_order, reset
from atoll_apps.ports.connection_filter import ConnectionFilter
from atoll_apps.ports.serving import serve
from atoll_apps.ports.transfer_rate import TransferRate
from atoll_apps.tunnel.connector import Connector
from atoll_apps.tunnel.copying import copy_both_ways

_NOBODY_LISTENS = 1013
_LOST = {None, 1006, 1012}


async def forward_all(
    connector: Connector,
    listeners: Sequence[trio.SocketListener],
    connections: ConnectionFilter,
    web: RequestFilter | None = None,
    rate: TransferRate | None = None,
) -> None:
    """Forward each connection that reaches the listeners and that the filter accepts, for ever.

    `web` checks the requests to a web service, `rate` measures. Raises NotFound when the session
    has ended; other failures end one connection, with a warning.
    """
    handle = partial(forward_connection, connector, web)
    await serve(listeners, connections, rate.measuring(handle) if rate else handle)


async def forward_connection(
    connector: Connector, web: RequestFilter | None, local: trio.SocketStream
) -> None:
    """Forward one connection. When the service closes its end, close the connection in the same
    way: in order, or by a reset.
    """
    try:
        await _forward(connector, web, local)
    except NotFound:
        reset(local)
        raise
    except AtollError as error:
        reset(local)
        connector.say(f"{connector.target.app}: {error}")


async def _forward(
    connector: Connector, web: RequestFilter | None, local: trio.SocketStream
) -> None:
    try:
        async with connector.open() as tunnel:
            await copy_both_ways(local, tunnel, web)
    except trio.BrokenResourceError as error:
        await _end(connector, local, error.__cause__)


async def _end(connector: Connector, local: trio.SocketStream, cause: BaseException | None) -> None:
    """Close a connection after one side broke; `cause` is a ChannelClosed if the tunnel did."""
    # Managers of 23.09 close a tunnel without a code when its service has closed the connection.
    if isinstance(cause, ChannelClosed) and cause.code is None and await connector.is_up():
        await close_in_order(local)
        return
    reset(local)
    await local.aclose()
    if isinstance(cause, ChannelClosed):
        await _explain(connector, cause)


async def _explain(connector: Connector, closed: ChannelClosed) -> None:
    """Show a warning with the reason why a tunnel broke; after an outage, wait until the cluster
    answers again.
    """
    if closed.code in _LOST:
        await connector.recover()
    elif closed.code == _NOBODY_LISTENS:
        connector.say(f"{connector.target.app}: no program listens at its port in the session")
    else:
        connector.say(f"{connector.target.app}: the tunnel was lost: {closed}")
