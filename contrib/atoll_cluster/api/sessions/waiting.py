"""Wait for a session, but only while the client is connected."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.requests import Request

from atoll_cluster.api.request.call import Call
from atoll_cluster.store.records import ENDED


async def settled(call: Call, session_id: str) -> None:
    """Wait until a session runs or has ended, or until the program stops."""
    while not call.cluster.stopping.is_set():
        change = call.cluster.bus.change()
        if call.cluster.store.sessions.get(session_id).status in ENDED | {"RUNNING"}:
            return
        await change.wait()


async def while_connected(request: Request, wait: Callable[[], Awaitable[None]]) -> None:
    """Call `wait`, and cancel it when the client disconnects."""
    async with anyio.create_task_group() as tasks:

        async def hang_up() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(hang_up)
        await wait()
        tasks.cancel_scope.cancel()
