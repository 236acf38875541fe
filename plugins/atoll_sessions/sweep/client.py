"""A sweep's connection to the cluster, kept through outages."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from attrs import define

from atoll import Problem
from atoll.outages import Backoff, is_transient

if TYPE_CHECKING:
    from atoll import Api

T = TypeVar("T")
OUTAGE = Backoff(first=0.25, longest=8.0, patience=120.0, outlasts_rate_limits=True)
"""How long a cluster may be out of reach before a sweep gives up on it."""
_RATE_LIMITED = 429


@define
class Client:
    """Calls the API, again and again while the cluster can't be reached.

    It must be safe to make a call twice: the first may have had its effect. `tell` is called once
    for each outage. A cluster that was never reached is not waited for.
    """

    connect: Callable[[], Awaitable["Api"]]
    tell: Callable[[str], None]
    outage: Backoff = OUTAGE
    _api: "Api | None" = None
    _reached: bool = False
    _out: bool = False

    async def call(self, action: Callable[["Api"], Awaitable[T]]) -> T:
        """Await `action(api)`; raises what it raises, Unreachable only when patience has ended."""
        attempt = partial(self._attempt, action)
        done = await self.outage.retry(attempt, passes=self._passes, tell=self._tell_once)
        self._reached, self._out = True, False
        return done

    def give_up(self) -> None:
        """Wait for no outage any more."""
        self.outage = Backoff(first=0, attempts=1)

    async def _attempt(self, action: Callable[["Api"], Awaitable[T]]) -> T:
        try:
            self._api = self._api or await self.connect()
            return await action(self._api)
        except Exception as error:
            if is_transient(error):
                # Asked for anew: the embedded cluster is started again by that.
                self._api = None
            raise

    def _passes(self, error: Exception) -> bool:
        is_rate_limit = isinstance(error, Problem) and error.status == _RATE_LIMITED
        return is_transient(error) and (self._reached or is_rate_limit)

    def _tell_once(self, error: Exception) -> None:
        if not self._out:
            self.tell(f"{error}; trying again")
        self._out = True
