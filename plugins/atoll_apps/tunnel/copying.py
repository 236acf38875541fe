"""Copies bytes between a local connection and a tunnel, and closes each of them in the way the
other was closed.
"""

import socket
from contextlib import suppress

import trio

from atoll.transport import ByteStream, ChannelClosed
from atoll_apps.http.filter import RequestFilter, RequestForwarder, RequestRefused
from atoll_apps.http.responses import ResponseTracker
from atoll_apps.ports.closing import close_in_order

_CHECK_INTERVAL = 5.0
_KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


async def copy_both_ways(
    local: trio.SocketStream, tunnel: ByteStream, web: RequestFilter | None = None
) -> None:
    """Copy bytes both ways until both directions have ended, or the tunnel is closed.

    The end of one direction leaves the other open, so that no response is lost. `web` checks each
    request; a refused one is the last of its connection. Raises BrokenResourceError if either side
    breaks; if the tunnel broke, the error's cause is a ChannelClosed.
    """
    failure: trio.BrokenResourceError | None = None
    answers = ResponseTracker() if web else None
    requests = RequestForwarder(local, web, answers) if web and answers else None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_copy_up, local, tunnel, requests, nursery.cancel_scope)
        try:
            await _copy_down(local, tunnel, answers)
        except trio.BrokenResourceError as error:
            failure = error
        if failure or tunnel.is_closed:
            nursery.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            # The error refers to this frame, so both would live until the next garbage collection.
            del failure
    await close_in_order(local)


async def _copy_down(
    local: trio.SocketStream, tunnel: ByteStream, answers: ResponseTracker | None
) -> None:
    await tunnel.copy_to(local, answers.feed if answers else None)
    if not tunnel.is_closed:
        await local.send_eof()


async def _copy_up(
    local: trio.SocketStream,
    tunnel: ByteStream,
    requests: RequestForwarder | None,
    everything: trio.CancelScope,
) -> None:
    try:
        await (requests.copy_to(tunnel) if requests else tunnel.copy_from(local))
        await tunnel.send_eof()
        await _wait_until_gone(local)
    except RequestRefused:
        pass
    except trio.BrokenResourceError as error:
        # The task of the other direction raises the reason if a tunnel broke.
        if isinstance(error.__cause__, ChannelClosed):
            return
    everything.cancel()


async def _wait_until_gone(local: trio.SocketStream) -> None:
    """Wait until a client that has ended its sending has closed its connection as well.

    TCP itself does not show the difference. But a client that has closed its connection answers
    keepalive probes with a reset, so it is detected within a minute.
    """
    _enable_keepalive(local)
    while not local.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # noqa: ASYNC110  # no event tells
        await trio.sleep(_CHECK_INTERVAL)


def _enable_keepalive(local: trio.SocketStream) -> None:
    with suppress(OSError):
        # Unix sockets and reset connections need no probes.
        local.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            # Not every system has all of these options.
            if (option := getattr(socket, name, None)) is not None:
                local.setsockopt(socket.IPPROTO_TCP, option, value)


async def splice(local: trio.SocketStream, other: trio.abc.Stream, *, early: bytes = b"") -> None:
    """Copy bytes both ways between streams whose directions can't be closed separately, until
    either ends.

    `early` are bytes that were read from the local side before.
    """

    async def pump(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in source:
                await sink.send_all(data)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump, other, local)
        with suppress(trio.BrokenResourceError):
            await other.send_all(early)
        nursery.start_soon(pump, local, other)
