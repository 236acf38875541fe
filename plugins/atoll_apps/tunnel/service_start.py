"""Waiting until a service that was just started answers."""

import trio

from atoll import TimedOut
from atoll.outages import Backoff
from atoll.transport import ByteStream
from atoll_apps.services import Service
from atoll_apps.tunnel.connector import Connector

_HELLO = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_SETTLED = 0.5
"""Seconds after which a connection that is still open counts as accepted by the service."""
_POLLS = Backoff(first=0.1, longest=1.0)


async def wait_until_ready(connector: Connector, service: Service, max_wait: float) -> None:
    """Connect to the service until it answers; raises TimedOut after `max_wait` seconds.

    The first connection starts it. A port of the user's own programs is tried only once; if nothing
    listens there, the connector's `say` is called.
    """
    with trio.move_on_after(max_wait):
        async for _ in _POLLS:
            if await _answers(connector, service):
                return
            if service.protocol == "preopen":
                connector.say(f"{service.name}: no program listens at its port in the session yet")
                return
    raise TimedOut(f"{service.name} does not answer after {max_wait:g} s", hint="see atoll logs")


async def _answers(connector: Connector, service: Service) -> bool:
    try:
        async with connector.open() as tunnel:
            if service.protocol == "http":
                await tunnel.send_all(_HELLO)
                return bool(await tunnel.receive_some())
            return await _stays(tunnel)
    except trio.BrokenResourceError:
        return False


async def _stays(tunnel: ByteStream) -> bool:
    """Whether the service sends something, or at least does not close the connection."""
    with trio.move_on_after(_SETTLED):
        return bool(await tunnel.receive_some())
    return True
