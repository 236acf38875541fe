"""Accepting connections at a local port, so that a failed one does not affect the others."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from atoll import AtollError, Context
from atoll_apps.ports.closing import reset
from atoll_apps.ports.connection_filter import ConnectionFilter

Handler = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def until_interrupted(context: Context) -> AsyncIterator[trio.Nursery]:
    """Open a nursery that Ctrl-C ends; this is the normal way to end such a command, so it is not
    an error.
    """
    async with context.interrupts() as presses, trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on, presses, nursery.cancel_scope)
        yield nursery


async def _cancel_on(presses: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in presses:
        scope.cancel()


async def serve(
    listeners: Sequence[trio.SocketListener], connections: ConnectionFilter, handle: Handler
) -> None:
    """Call `handle` with each connection that the filter accepts, without end; close it afterwards.

    An AtollError from `handle` ends the server. Any other exception ends that one connection, with
    a warning.
    """
    await trio.serve_listeners(partial(_serve_one, connections, handle), list(listeners))


async def _serve_one(
    connections: ConnectionFilter, handle: Handler, local: trio.SocketStream
) -> None:
    try:
        if await connections.accepts(local):
            await handle(local)
        else:
            reset(local)
    except AtollError:
        raise
    except Exception as error:  # noqa: BLE001  # one connection must not end the others
        reset(local)
        connections.warnings.warn(f"{connections.name}: a connection failed: {error!r}")
