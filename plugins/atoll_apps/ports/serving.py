"""Accepting connections at a local port, so that a failed one does not affect the others."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from atoll import AtollError, Context
from atoll_apps.ports.admission import Admission
from atoll_apps.ports.closing import reset

Handler = Callable[[trio.SocketStream], Awaitable[None]]


@asynccontextmanager
async def until_interrupted(context: Context) -> AsyncIterator[trio.Nursery]:
    """Open a nursery that Ctrl-C ends, which is how such a command is meant to end: no failure."""
    async with context.interrupts() as presses, trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_on, presses, nursery.cancel_scope)
        yield nursery


async def _cancel_on(presses: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in presses:
        scope.cancel()


async def serve(
    listeners: Sequence[trio.SocketListener], admission: Admission, handle: Handler
) -> None:
    """Call `handle` with every connection that `admission` admits, for ever, then close it.

    An AtollError from `handle` ends the server. Any other exception ends that one connection, with
    a warning.
    """
    await trio.serve_listeners(partial(_serve_one, admission, handle), list(listeners))


async def _serve_one(admission: Admission, handle: Handler, local: trio.SocketStream) -> None:
    try:
        if await admission.admits(local):
            await handle(local)
        else:
            reset(local)
    except AtollError:
        raise
    except Exception as error:  # noqa: BLE001  # one connection must not end the others
        reset(local)
        admission.warnings.warn(f"{admission.name}: a connection failed: {error!r}")
