"""Opening tunnels to a service, and reconnecting after the cluster could not be reached."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio

from atoll import AtollError, NotFound
from atoll.outages import Backoff, is_transient
from atoll_apps.services import list_services
from atoll_apps.tunnel.target import Target, open_tunnel

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import ByteStream

_PROBE_TIMEOUT = 3.0
_OUTAGE = Backoff(first=0.2, longest=10.0, jitter=0.2)
"""How often to try again while the cluster can't be reached; there is no limit of time."""


class Connector:
    """Opens tunnels to one service.

    While the cluster can't be reached, one task tries again, less and less often, and all others
    wait for it. `say` is called with a line when the connection is lost and when it is back.
    """

    def __init__(self, api: "Api", target: Target, say: Callable[[str], None]) -> None:
        self.target = target
        self.say = say
        self._api = api
        self._recovered: trio.Event | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["ByteStream"]:
        """Open a tunnel, waiting as long as the cluster can't be reached; close it at the end.

        Raises what :func:`open_tunnel` does, except for outages.
        """
        async with AsyncExitStack() as stack:

            async def enter() -> "ByteStream":
                return await stack.enter_async_context(open_tunnel(self._api, self.target))

            yield await self._open_with_retries(enter)

    async def _open_with_retries(
        self, enter: Callable[[], Awaitable["ByteStream"]]
    ) -> "ByteStream":
        pauses, failures = _OUTAGE.pauses(), 0
        while True:
            if self._recovered is not None:
                await self._recovered.wait()
            try:
                return await enter()
            except AtollError as error:
                if not is_transient(error):
                    raise
                if failures == 1:
                    # The cluster answers again, but still opens no tunnel.
                    self._report_outage(error)
            failures += 1
            await self.recover()
            await pauses.sleep()

    async def recover(self) -> None:
        """Wait until the cluster answers again; raises NotFound when the session has ended."""
        if self._recovered is not None:
            await self._recovered.wait()
            return
        self._recovered = trio.Event()
        try:
            await self._wait_for_cluster()
        finally:
            self._recovered.set()
            self._recovered = None

    async def is_up(self) -> bool:
        """Whether the cluster answers within a few seconds."""
        with trio.move_on_after(_PROBE_TIMEOUT):
            try:
                await self._api.request("GET", "/", timeout=_PROBE_TIMEOUT)
            except AtollError:
                return False
            return True
        return False

    async def _wait_for_cluster(self) -> None:
        retrying = _OUTAGE.retrying(self._report_outage)
        list_again = partial(list_services, self._api, self.target.session_id)
        services = await retrying.retry(list_again)
        if not services:
            raise NotFound("the session has ended")
        if retrying.failures:
            self.say(f"{self.target.app}: connected again after {retrying.seconds:.0f} s")

    def _report_outage(self, error: Exception) -> None:
        self.say(f"{self.target.app}: {error}; trying again")
