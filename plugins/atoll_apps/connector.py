"""The way to a service: opened anew for each connection, and found again after it was lost."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, NotFound
from atoll.outages import Backoff, is_transient
from atoll_apps.services import list_services
from atoll_apps.tunnel import Target, open_tunnel

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import ByteStream

_AT_ONCE = 3.0
_OUTAGE = Backoff(first=0.2, longest=10.0, jitter=0.2)
"""A tunnel is held open however long the cluster is away."""


class Connector:
    """Opens tunnels to one service.

    While the cluster can't be reached, one task tries again, less and less often, and everyone else
    waits for it. `say` is told when the connection is lost and when it is there again.
    """

    def __init__(self, api: "Api", target: Target, say: Callable[[str], None]) -> None:
        self.target = target
        self.say = say
        self._api = api
        self._lost: trio.Event | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ByteStream"]:
        """Hold a tunnel open, waiting while the cluster can't be reached; raises what
        :func:`open_tunnel` does, but for what passes.
        """
        async with AsyncExitStack() as stack:

            async def enter() -> "ByteStream":
                return await stack.enter_async_context(open_tunnel(self._api, self.target))

            yield await self._persist(enter)

    async def _persist(self, enter: Callable[[], Awaitable["ByteStream"]]) -> "ByteStream":
        pauses, failures = _OUTAGE.pauses(), 0
        while True:
            if self._lost is not None:
                await self._lost.wait()
            try:
                return await enter()
            except AtollError as error:
                if not is_transient(error):
                    raise
                if failures == 1:
                    # The cluster answers again, and yet opens no tunnel.
                    self._tell_lost(error)
            failures += 1
            await self.recover()
            await pauses.sleep()

    async def recover(self) -> None:
        """Try until the cluster answers again; raises NotFound when the session has ended."""
        if self._lost is not None:
            await self._lost.wait()
            return
        self._lost = trio.Event()
        try:
            await self._try_again()
        finally:
            self._lost.set()
            self._lost = None

    async def is_up(self) -> bool:
        """Whether the cluster answers, and at once."""
        with trio.move_on_after(_AT_ONCE):
            try:
                await self._api.request("GET", "/", timeout=_AT_ONCE)
            except AtollError:
                return False
            return True
        return False

    async def _try_again(self) -> None:
        retrying = _OUTAGE.retrying(self._tell_lost)
        list_them = partial(list_services, self._api, self.target.session_id)
        services = await retrying.retry(list_them)
        if not services:
            raise NotFound("the session does not run any more")
        if retrying.failures:
            self.say(f"{self.target.app}: connected again after {retrying.seconds:.0f} s")

    def _tell_lost(self, error: Exception) -> None:
        self.say(f"{self.target.app}: {error}; trying again")
