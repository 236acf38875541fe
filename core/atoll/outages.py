"""Transient failures, and how long to wait for their end.

One policy object says how long the pauses are and when to give up:

    _OUTAGE = Backoff(first=0.25, longest=8.0, patience=120.0)

    found = await _OUTAGE.retry(partial(list_things, api), tell=report)

The same object sets the pace of a loop that looks at something until it has changed:

    async for _ in Backoff(first=0.1, factor=1.5, longest=1.0):
        if (await get_thing(api)).is_ready:
            break

Time is trio's, so that a test under :class:`trio.testing.MockClock` does not wait.
"""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Self, TypeVar

import trio
from attrs import define, field, frozen, validators

from atoll._errors import Problem, Unreachable
from atoll.transport import NotSent

__all__ = ["Backoff", "Pauses", "Retrying", "is_permanent", "is_transient"]

T = TypeVar("T")
_TRANSIENT_STATUSES = {429, 502, 503, 504}
_RATE_LIMITED = 429
# Managers of 23.09 use status 503 for these, but none of them is an outage: a frozen manager waits
# for its administrator, and a full cluster for sessions to end.
_PERMANENT_TYPES = {"server-frozen", "not-implemented"}
_FULL = "instance-not-available"


def is_permanent(error: BaseException) -> bool:
    """Tell whether the error itself says that trying again won't help.

    A frozen manager is such a case: it answers with HTTP status 503, as an overloaded one does, but
    stays frozen until an administrator changes that.
    """
    if isinstance(error, Problem):
        return error.type in _PERMANENT_TYPES
    return isinstance(error, Unreachable) and error.permanent


def is_transient(error: BaseException) -> bool:
    """Tell whether trying again later may help, without a repair by anybody.

    That is true of a cluster that can't be reached, a connection that broke, a gateway without its
    server, an overloaded server, and a rate limit; not of a cluster without free resources. Whether
    a request may be sent twice is another question, which depends on the request.
    """
    if isinstance(error, Problem):
        passing = error.status in _TRANSIENT_STATUSES and error.type != _FULL
        return passing and not is_permanent(error)
    return isinstance(error, NotSent | Unreachable) and not is_permanent(error)


@frozen(kw_only=True)
class Backoff:
    """How long to pause between attempts, and when to give up; all times in seconds.

    The `first` pause grows by `factor` each time up to the `longest`; `jitter` is the share of a
    pause by which it varies at random either way, so that many clients don't come back at the same
    moment. It ends after this many `attempts`, counting the first, or when the next attempt would
    start later than `patience` seconds after the first failure.

    If a cluster says by `Retry-After` when to try again, the pause is that long, but at least as
    long as the first one. With `outlasts_rate_limits`, there is no limit for the wait after a rate
    limit.
    """

    first: float = field(validator=validators.ge(0))
    factor: float = field(default=2.0, validator=validators.ge(1))
    longest: float = math.inf
    jitter: float = field(default=0.0, validator=[validators.ge(0), validators.le(1)])
    patience: float = math.inf
    attempts: float = math.inf
    outlasts_rate_limits: bool = False

    def pauses(self) -> "Pauses":
        """Return new pauses of this policy."""
        return Pauses(self)

    def retrying(
        self,
        tell: Callable[[Exception], None] = lambda _error: None,
        *,
        since: float | None = None,
    ) -> "Retrying":
        """Return the state of one action that is tried again; `tell` is called with the first
        error.

        The patience is counted from the first failure, or from `since`, a time of trio's clock.
        """
        return Retrying(self, tell, since)

    async def retry(
        self,
        action: Callable[[], Awaitable[T]],
        *,
        passes: Callable[[Exception], bool] = is_transient,
        tell: Callable[[Exception], None] = lambda _error: None,
    ) -> T:
        """Await `action()` until it succeeds, and return its result.

        Raises its error: at once if that is not transient (`passes` decides, by default
        :func:`is_transient`), otherwise when patience has ended. `tell` is called once, with the
        first error after which it waits. The action must be safe to repeat, since it may have had
        its effect before it failed.
        """
        return await self.retrying(tell).retry(action, passes=passes)

    def __aiter__(self) -> AsyncIterator[int]:
        """Yield the numbers of attempts from 0 on, with a pause before each except the first."""
        return _Attempts(self)


@define
class Pauses:
    """The pauses of one loop: each is longer than the one before, until `restart` is called."""

    policy: Backoff
    _upcoming: float = field(init=False)

    @_upcoming.default
    def _begin(self) -> float:
        return self.policy.first

    def next(self) -> float:
        """Return the length of the next pause in seconds, and make the one after it longer."""
        policy, pause = self.policy, self._upcoming
        self._upcoming = min(pause * policy.factor, policy.longest)
        return pause * random.uniform(1 - policy.jitter, 1 + policy.jitter)

    def restart(self) -> None:
        """Start again with the first pause."""
        self._upcoming = self.policy.first

    async def sleep(self, at_least: float = 0.0) -> None:
        """Sleep for the next pause, or for `at_least` seconds if that is longer."""
        await trio.sleep(max(self.next(), at_least))


@define
class _Attempts:
    """The attempts of one `async for`."""

    # This is not a generator, since the code that leaves the loop would have to close that.
    policy: Backoff
    _pauses: Pauses = field(init=False)
    _number: int = -1
    _began: float = field(factory=trio.current_time)

    @_pauses.default
    def _begin(self) -> Pauses:
        return self.policy.pauses()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        self._number += 1
        if self._number:
            pause, policy = self._pauses.next(), self.policy
            is_late = trio.current_time() + pause >= self._began + policy.patience
            if is_late or self._number >= policy.attempts:
                raise StopAsyncIteration
            await trio.sleep(pause)
        return self._number


@define
class Retrying:
    """One action that is tried again by a policy; made by :meth:`Backoff.retrying`.

    `failures` are those since the last success or progress.
    """

    policy: Backoff
    tell: Callable[[Exception], None]
    since: float | None = None
    failures: int = field(default=0, init=False)
    _pauses: Pauses = field(init=False)

    @_pauses.default
    def _begin(self) -> Pauses:
        return self.policy.pauses()

    @property
    def seconds(self) -> float:
        """Seconds since the first of the failures; 0 if there is none."""
        return 0.0 if self.since is None else trio.current_time() - self.since

    def reset(self) -> None:
        """Note progress, so that the next failure starts a new outage."""
        self.failures, self.since = 0, None
        self._pauses.restart()

    async def wait(self, error: Exception, *, passes: bool | None = None) -> None:
        """Wait before the next attempt; raises `error` if there must not be one.

        `passes` says whether the error is transient; by default :func:`is_transient` decides.
        """
        now = trio.current_time()
        self.since = now if self.since is None else self.since
        self.failures += 1
        pause = self._pause_after(error)
        transient = is_transient(error) if passes is None else passes
        if not transient or self._is_over(error, now + pause):
            raise error
        if self.failures == 1:
            self.tell(error)
        await trio.sleep(pause)

    async def retry(
        self,
        action: Callable[[], Awaitable[T]],
        *,
        passes: Callable[[Exception], bool] = is_transient,
    ) -> T:
        """Await `action()` until it succeeds, as :meth:`Backoff.retry` does."""
        while True:
            try:
                return await action()
            except Exception as error:  # noqa: BLE001  # raised again unless it passes
                await self.wait(error, passes=passes(error))

    def _pause_after(self, error: Exception) -> float:
        pause = self._pauses.next()
        asked = error.retry_after if isinstance(error, Problem) else None
        return pause if asked is None else max(asked, self.policy.first)

    def _is_over(self, error: Exception, then: float) -> bool:
        """Tell whether an attempt at a time of trio's clock would be too late, or exceed the
        attempts.
        """
        if self.policy.outlasts_rate_limits and _is_rate_limit(error):
            return False
        since = then if self.since is None else self.since
        return self.failures >= self.policy.attempts or then >= since + self.policy.patience


def _is_rate_limit(error: Exception) -> bool:
    return isinstance(error, Problem) and error.status == _RATE_LIMITED
