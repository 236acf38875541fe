"""Passing bytes between a local connection and a tunnel, each end as the other one ended."""

import socket
import struct
from contextlib import suppress

import trio

from atoll.transport import ByteStream, ChannelClosed
from atoll_apps.web import Answers, Dismissed, Requests, Web

_LINGER = 2.0
_LOOK_EVERY = 5.0
_KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}


async def relay(local: trio.SocketStream, tunnel: ByteStream, web: Web | None = None) -> None:
    """Pass bytes both ways until both sides, or the other side altogether, have ended.

    The end of one direction leaves the other open, so that no answer is lost. With `web`, requests
    have to get through its rules, and a refused one is the last of its connection. Raises
    BrokenResourceError when either side breaks, caused by a ChannelClosed when it was the tunnel.
    """
    failure: trio.BrokenResourceError | None = None
    answers = Answers() if web else None
    requests = Requests(local, web, answers) if web and answers else None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_send_up, local, tunnel, requests, nursery.cancel_scope)
        try:
            await _bring_down(local, tunnel, answers)
        except trio.BrokenResourceError as error:
            failure = error
        if failure or tunnel.is_closed:
            nursery.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            # It knows this frame, which would stay until garbage is looked for.
            del failure
    await close_in_order(local)


async def _bring_down(
    local: trio.SocketStream, tunnel: ByteStream, answers: Answers | None
) -> None:
    await tunnel.copy_to(local, answers.passed if answers else None)
    if not tunnel.is_closed:
        await local.send_eof()


async def _send_up(
    local: trio.SocketStream,
    tunnel: ByteStream,
    requests: Requests | None,
    everything: trio.CancelScope,
) -> None:
    try:
        await (requests.copy_to(tunnel) if requests else tunnel.copy_from(local))
        await tunnel.send_eof()
        await _until_gone(local)
    except Dismissed:
        pass
    except trio.BrokenResourceError as error:
        # Why a tunnel broke, its other direction knows.
        if isinstance(error.__cause__, ChannelClosed):
            return
    everything.cancel()


async def _until_gone(local: trio.SocketStream) -> None:
    """Return once a peer that sends no more does not read any more either.

    TCP does not tell one from the other. But a peer that has left altogether answers our probes
    with a reset, a minute after it left.
    """
    _probe(local)
    while not local.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # noqa: ASYNC110  # no event tells
        await trio.sleep(_LOOK_EVERY)


def _probe(local: trio.SocketStream) -> None:
    with suppress(OSError):
        # What is no TCP, or has been reset already, needs no probing.
        local.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            # Not every system has all of them.
            if (option := getattr(socket, name, None)) is not None:
                local.setsockopt(socket.IPPROTO_TCP, option, value)


async def close_in_order(local: trio.SocketStream) -> None:
    """Say the end to the local side, and let it have its last words.

    Closing while they are under way would answer them with a reset, at which the local side may
    drop what it has not read yet.
    """
    with trio.move_on_after(_LINGER), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        await local.send_eof()
        async for _ in local:
            pass


def reset(local: trio.SocketStream) -> None:
    """Have the local side see a broken connection, not an orderly end, once it is closed."""
    with suppress(OSError):
        local.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def splice(local: trio.SocketStream, other: trio.abc.Stream, *, early: bytes = b"") -> None:
    """Pass bytes both ways between streams that know no half-closing, until either ends.

    `early` is what was read of the local side already.
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
