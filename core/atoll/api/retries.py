"""When a failed request is tried again: never when the first may have had an effect."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from atoll.errors import Problem, Unreachable
from atoll.transport import ConnectionLost, NotSent

T = TypeVar("T")

_PAUSES = (0.1, 0.4)
# On the way to this very machine nothing gets lost: once more, for a server that restarts.
_LOOPBACK_PAUSES = (0.05,)
# By then the user has waited long enough to be told. It bounds the Retry-After that is obeyed, too.
_PATIENCE = 10.0
_PASSING = {429, 502, 503, 504}
# Managers of 23.09 use status 503 for these two, and they do not pass.
_LASTING = {"server-frozen", "not-implemented"}


class Refused(Exception):
    """A refusal on its way through :func:`with_retries`; `retry_after` is in seconds."""

    def __init__(self, problem: Problem, retry_after: float | None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_after = retry_after


async def with_retries(attempt: Callable[[], Awaitable[T]], *, safe: bool, loopback: bool) -> T:
    """Await `attempt()`, up to three times.

    What never left (NotSent) is tried again whatever it was; a lost connection or a passing refusal
    only when the request is `safe` to repeat. Raises the last error, NotSent as Unreachable.
    """
    give_up = trio.current_time() + _PATIENCE
    for pause in _LOOPBACK_PAUSES if loopback else _PAUSES:
        try:
            return await attempt()
        except (NotSent, ConnectionLost, Refused) as error:
            wait = _wait_before_next(error, pause, safe=safe)
            if wait is None or trio.current_time() + wait >= give_up:
                raise _final(error) from None
        await trio.sleep(wait)
    try:
        return await attempt()
    except (NotSent, Refused) as error:
        raise _final(error) from None


def _wait_before_next(error: Exception, pause: float, *, safe: bool) -> float | None:
    """Return how long to wait before the next attempt, or None when there must be none."""
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
