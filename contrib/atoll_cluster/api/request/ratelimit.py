"""The rate limit of keypairs: a rolling window of 15 minutes, in memory."""

import time
from collections import deque
from collections.abc import Callable

from attrs import frozen

from atoll_cluster.api.request.problems import rate_limited

WINDOW = 900
"""The length of the window in seconds."""


@frozen
class Allowance:
    """The values of the `X-RateLimit-…` headers."""

    limit: int = 1000
    remaining: int = 1000

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the three headers."""
        return [
            (b"x-ratelimit-limit", str(self.limit).encode()),
            (b"x-ratelimit-remaining", str(self.remaining).encode()),
            (b"x-ratelimit-window", str(WINDOW).encode()),
        ]


ANONYMOUS = Allowance()
"""The values for requests without a keypair, which are not limited."""


class RateLimiter:
    """Stores the times of each keypair's requests."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._requests: dict[str, deque[float]] = {}

    def admit(self, access_key: str, limit: int) -> Allowance:
        """Count a request; raises Problem 429 if it exceeds the limit."""
        moments = self._requests.setdefault(access_key, deque())
        now = self._clock()
        while moments and moments[0] <= now - WINDOW:
            moments.popleft()
        if len(moments) >= limit:
            raise rate_limited(moments[0] + WINDOW - now if moments else WINDOW)
        moments.append(now)
        return Allowance(limit, limit - len(moments))
