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
"""How long a sweep waits for a cluster that can't be reached before it fails."""
_RATE_LIMITED = 429


@define
class Client:
    """Calls the API, and repeats a call while the cluster can't be reached.

    Each call must be safe to repeat, since the first attempt may have had its effect. `tell` is
    called once for each outage. If the cluster was never reached, the call fails at once.
    """

    connect: Callable[[], Awaitable["Api"]]
    tell: Callable[[str], None]
    outage: Backoff = OUTAGE
    _api: "Api | None" = None
    _reached: bool = False
    _out: bool = False

    async def call(self, action: Callable[["Api"], Awaitable[T]]) -> T:
        """Await `action(api)`; raises what `action` raises, but Unreachable only after the longest
        wait.
        """
        attempt = partial(self._attempt, action)
        done = await self.outage.retry(attempt, passes=self._passes, tell=self._tell_once)
        self._reached, self._out = True, False
        return done

    def give_up(self) -> None:
        """From now on, fail at once in an outage."""
        self.outage = Backoff(first=0, attempts=1)

    async def _attempt(self, action: Callable[["Api"], Awaitable[T]]) -> T:
        try:
            self._api = self._api or await self.connect()
            return await action(self._api)
        except Exception as error:
            if is_transient(error):
                # The next attempt connects anew, since that starts the embedded cluster again.
                self._api = None
            raise

    def _passes(self, error: Exception) -> bool:
        is_rate_limit = isinstance(error, Problem) and error.status == _RATE_LIMITED
        return is_transient(error) and (self._reached or is_rate_limit)

    def _tell_once(self, error: Exception) -> None:
        if not self._out:
            self.tell(f"{error}; trying again")
        self._out = True
