"""Connections to a local port: who may come in does, and none can bring down the others."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from atoll import AtollError
from atoll_apps.admission import Admission
from atoll_apps.relay import reset

Handler = Callable[[trio.SocketStream], Awaitable[None]]


async def serve(
    listeners: Sequence[trio.SocketListener], admission: Admission, handle: Handler
) -> None:
    """Hand every connection that is let in to `handle`, for ever; it is closed afterwards.

    An AtollError of `handle` ends all of it. Whatever else goes wrong costs that one connection,
    and a remark.
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
    except Exception as error:  # noqa: BLE001  # others depend on this port
        reset(local)
        admission.remarks.tell(f"{admission.name}: a connection failed: {error!r}")
