"""A local port whose connections are carried to a service of a session."""

from collections.abc import Sequence
from functools import partial

import trio

from atoll import AtollError, NotFound
from atoll.transport import ChannelClosed
from atoll_apps.admission import Admission
from atoll_apps.connector import Connector
from atoll_apps.relay import close_in_order, relay, reset
from atoll_apps.serving import serve
from atoll_apps.web import Web

_NOBODY_LISTENS = 1013
_LOST = {None, 1006, 1012}


async def carry_all(
    connector: Connector,
    listeners: Sequence[trio.SocketListener],
    admission: Admission,
    web: Web | None = None,
) -> None:
    """Carry every connection to the listeners that is let in, for ever.

    `web` are the rules for requests to a web service. Raises NotFound when the session has ended;
    other failures cost one connection and a remark.
    """
    await serve(listeners, admission, partial(carry, connector, web))


async def carry(connector: Connector, web: Web | None, local: trio.SocketStream) -> None:
    """Carry one connection to its end, which it is closed with: in order, or by a reset."""
    try:
        await _carry(connector, web, local)
    except NotFound:
        reset(local)
        raise
    except AtollError as error:
        reset(local)
        connector.say(f"{connector.target.app}: {error}")


async def _carry(connector: Connector, web: Web | None, local: trio.SocketStream) -> None:
    try:
        async with connector.open() as tunnel:
            await relay(local, tunnel, web)
    except trio.BrokenResourceError as error:
        await _end(connector, local, error.__cause__)


async def _end(connector: Connector, local: trio.SocketStream, cause: BaseException | None) -> None:
    """End a connection of which one side broke; `cause` is a ChannelClosed if the tunnel did."""
    # Managers of 23.09 say nothing when a service ends a connection, and then close theirs.
    if isinstance(cause, ChannelClosed) and cause.code is None and await connector.is_up():
        await close_in_order(local)
        return
    reset(local)
    await local.aclose()
    if isinstance(cause, ChannelClosed):
        await _explain(connector, cause)


async def _explain(connector: Connector, closed: ChannelClosed) -> None:
    """Say why a tunnel broke; where the way itself is lost, find it again."""
    if closed.code in _LOST:
        await connector.recover()
    elif closed.code == _NOBODY_LISTENS:
        connector.say(f"{connector.target.app}: nothing listens there in the session")
    else:
        connector.say(f"{connector.target.app}: the tunnel broke: {closed}")
