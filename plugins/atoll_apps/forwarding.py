"""A local port whose connections are carried to a service of a session."""

from collections.abc import Sequence
from functools import partial

import trio

from atoll import AtollError, NotFound
from atoll.transport import ChannelClosed
from atoll_apps.admission import Admission
from atoll_apps.relay import part, relay, reset
from atoll_apps.serving import serve
from atoll_apps.way import Way
from atoll_apps.web import Web

_NOBODY_LISTENS = 1013
_LOST = {None, 1006, 1012}


async def carry_all(
    way: Way,
    listeners: Sequence[trio.SocketListener],
    admission: Admission,
    web: Web | None = None,
) -> None:
    """Carry every connection to the listeners that is let in, for ever.

    `web` are the rules for requests to a web service. Raises NotFound when the session has ended;
    other failures cost one connection and a remark.
    """
    await serve(listeners, admission, partial(carry, way, web))


async def carry(way: Way, web: Web | None, local: trio.SocketStream) -> None:
    """Carry one connection to its end, which it is closed with: in order, or by a reset."""
    try:
        await _carry(way, web, local)
    except NotFound:
        reset(local)
        raise
    except AtollError as error:
        reset(local)
        way.say(f"{way.target.app}: {error}")


async def _carry(way: Way, web: Web | None, local: trio.SocketStream) -> None:
    try:
        async with way.open() as tunnel:
            await relay(local, tunnel, web)
    except trio.BrokenResourceError as error:
        await _end(way, local, error.__cause__)


async def _end(way: Way, local: trio.SocketStream, cause: BaseException | None) -> None:
    """End a connection of which one side broke; `cause` is a ChannelClosed if the tunnel did."""
    # Managers of 23.09 say nothing when a service ends a connection, and then close theirs.
    if isinstance(cause, ChannelClosed) and cause.code is None and await way.is_up():
        await part(local)
        return
    reset(local)
    await local.aclose()
    if isinstance(cause, ChannelClosed):
        await _explain(way, cause)


async def _explain(way: Way, closed: ChannelClosed) -> None:
    """Say why a tunnel broke; where the way itself is lost, find it again."""
    if closed.code in _LOST:
        await way.recover()
    elif closed.code == _NOBODY_LISTENS:
        way.say(f"{way.target.app}: nothing listens there in the session")
    else:
        way.say(f"{way.target.app}: the tunnel broke: {closed}")
