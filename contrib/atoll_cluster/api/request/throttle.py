"""Limit attempts to guess secrets: after a few free attempts, a client must wait for each.

Wrong attempts are counted for each account and for each address. The memory is bounded: if a client
tries many account names, the oldest names are forgotten, but the count of its address stays.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import field, frozen

from atoll_cluster.api.request.problems import too_many_attempts


@frozen
class Pace:
    """The number of free attempts, and the seconds until one more is allowed."""

    burst: int
    seconds: float


ACCOUNT = Pace(5, 6.0)
"""For one account: at most about 600 guesses in an hour."""
ADDRESS = Pace(20, 3.0)
"""For one address and all accounts; it allows more, because several people may share it."""
TOKENS = Pace(60, 1.0)
"""For invalid tokens from one address; a client may have many that have expired."""

_MOST_REMEMBERED = 10_000


@frozen
class Throttle:
    """Stores for each name the time when it will have all of its free attempts again."""

    pace: Pace
    _clock: Callable[[], float] = time.monotonic
    _free_at: OrderedDict[str, float] = field(factory=OrderedDict, init=False)

    def take(self, name: str) -> None:
        """Count an attempt; raises Problem 429, and does not count it, if it is too early."""
        now = self._clock()
        free_at = max(self._free_at.get(name, now), now) + self.pace.seconds
        wait = free_at - now - self.pace.burst * self.pace.seconds
        if wait > 0:
            raise too_many_attempts(wait)
        self._keep(name, free_at)

    def give_back(self, name: str) -> None:
        """Subtract an attempt that was successful."""
        if name in self._free_at:
            self._keep(name, self._free_at[name] - self.pace.seconds)

    def _keep(self, name: str, free_at: float) -> None:
        self._free_at[name] = free_at
        self._free_at.move_to_end(name)
        if len(self._free_at) > _MOST_REMEMBERED:
            self._free_at.popitem(last=False)


@frozen
class Attempts:
    """The throttles of a cluster."""

    accounts: Throttle = field(factory=lambda: Throttle(ACCOUNT))
    addresses: Throttle = field(factory=lambda: Throttle(ADDRESS))
    tokens: Throttle = field(factory=lambda: Throttle(TOKENS))

    @contextmanager
    def counted(self, account: str, address: str) -> Iterator[None]:
        """Count the attempt in the block, unless it succeeds; raises Problem 429."""
        # An attempt is counted before it is made; otherwise many concurrent ones would be free.
        self.addresses.take(address)
        try:
            self.accounts.take(account)
        except BaseException:
            self.addresses.give_back(address)
            raise
        yield
        self.addresses.give_back(address)
        self.accounts.give_back(account)
