"""Accepting connections at a local port, so that a failed one does not affect the others."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from atoll import AtollError
from atoll_apps.ports.admission import Admission
from atoll_apps.ports.closing import reset

Handler = Callable[[trio.SocketStream], Awaitable[None]]


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
