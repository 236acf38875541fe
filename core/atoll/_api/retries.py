"""When a failed request is tried again: never when the first may have had an effect.

A cluster that can't write for now, and says that nothing was done, is waited for.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import trio
from attrs import define, field

from atoll._errors import Problem, Unreachable
from atoll.output import current_output
from atoll.transport import ConnectionLost, NotSent

T = TypeVar("T")

_PAUSES = (0.1, 0.4)
# On the way to this very machine nothing gets lost: once more, for a server that restarts.
_LOOPBACK_PAUSES = (0.05,)
# By then the user has waited long enough to be told. It bounds the Retry-After that is obeyed, too.
_PATIENCE = 10.0
_PASSING = {429, 502, 503, 504}
# The embedded cluster's word for a request of which nothing was done; its database is in the way.
_PUT_OFF = "store-unavailable"
_PUT_OFF_PATIENCE = 60.0
_PUT_OFF_PAUSE = 1.0
# Managers of 23.09 use status 503 for these two, and they do not pass.
_LASTING = {"server-frozen", "not-implemented"}


class Refused(Exception):
    """A refusal on its way through :func:`with_retries`; `retry_after` is in seconds."""

    def __init__(self, problem: Problem, retry_after: float | None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_after = retry_after


async def with_retries(
    attempt: Callable[[], Awaitable[T]], *, safe: bool, loopback: bool, lasting: bool = True
) -> T:
    """Await `attempt()`, up to three times.

    What never left (NotSent) is tried again whatever it was; a lost connection or a passing refusal
    only when the request is `safe` to repeat. One that was put off is tried for a minute, unless
    its body is gone (not `lasting`). Raises the last error, NotSent as Unreachable.
    """
    retries = _Retries(safe, lasting, iter(_LOOPBACK_PAUSES if loopback else _PAUSES))
    while True:
        try:
            return await attempt()
        except (NotSent, ConnectionLost, Refused) as error:
            wait = retries.wait_after(error)
            if wait is None:
                raise _final(error) from None
        await trio.sleep(wait)


@define
class _Retries:
    """What is left of the patience with one request; `pauses` are those between attempts."""

    safe: bool
    lasting: bool
    pauses: Iterator[float]
    begin: float = field(factory=trio.current_time)
    is_told: bool = False

    def wait_after(self, error: Exception) -> float | None:
        """Return how long to wait before the next attempt, or None when there must be none."""
        if self.lasting and isinstance(error, Refused) and error.problem.type == _PUT_OFF:
            return self._wait_until_written(error)
        pause = next(self.pauses, None)
        wait = None if pause is None else _wait_before_next(error, pause, safe=self.safe)
        return self._within(_PATIENCE, wait)

    def _wait_until_written(self, error: Refused) -> float | None:
        pause = _PUT_OFF_PAUSE if error.retry_after is None else error.retry_after
        wait = self._within(_PUT_OFF_PATIENCE, max(pause, _PAUSES[0]))
        if wait is not None and not self.is_told and (output := current_output.get()):
            output.warn(f"{error.problem.message}; waiting")
            self.is_told = True
        return wait

    def _within(self, patience: float, wait: float | None) -> float | None:
        is_over = wait is None or trio.current_time() + wait >= self.begin + patience
        return None if is_over else wait


def _wait_before_next(error: Exception, pause: float, *, safe: bool) -> float | None:
    if isinstance(error, NotSent):
        return pause
    if not safe:
        return None
    if not isinstance(error, Refused):
        return pause
    return _wait_after_refusal(error, pause)


def _wait_after_refusal(error: Refused, pause: float) -> float | None:
    problem = error.problem
    if problem.status not in _PASSING or problem.type in _LASTING:
        return None
    if problem.status == 429 and error.retry_after is None:
        # The window of Backend.AI's limit is a quarter of an hour.
        return None
    return max(pause, error.retry_after or 0.0)


def _final(error: Exception) -> Exception:
    if isinstance(error, NotSent):
        return Unreachable(str(error), hint="check the endpoint, and that the cluster is up")
    return error.problem if isinstance(error, Refused) else error
