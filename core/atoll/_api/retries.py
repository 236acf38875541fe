"""Repeats failed requests that can't have had an effect, or that are safe to repeat.

If a cluster can't write at the moment, and says that nothing was done, the request is repeated
later.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from atoll._errors import AtollError, Problem, Unreachable
from atoll.outages import Backoff, is_transient
from atoll.output import current_output
from atoll.transport import ConnectionLost, NotSent

T = TypeVar("T")

# After ten seconds the user has waited long enough for a message, so a longer Retry-After is
# ignored.
_SHORT = Backoff(first=0.1, factor=4, attempts=3, patience=10.0)
# On this very machine no packets get lost; one more attempt is for a server that restarts.
_ON_LOOPBACK = Backoff(first=0.05, attempts=2, patience=10.0)
_LONG_WAIT = Backoff(first=0.1, factor=10, longest=1.0, patience=60.0)
_LONG_WAIT_TYPE = "store-unavailable"
"""The embedded cluster's error for a request that had no effect, since its database could not be
written.
"""


async def with_retries(
    attempt: Callable[[], Awaitable[T]], *, safe: bool, loopback: bool, lasting: bool = True
) -> T:
    """Await `attempt()`, up to three times.

    After NotSent, any request is tried again; after a lost connection or a transient refusal, only
    a request that is `safe` to repeat. If the cluster asks to come back later, the request is tried
    for a minute, unless its body can't be sent again (not `lasting`). Raises the last error,
    NotSent as Unreachable.
    """
    began = trio.current_time()
    short = (_ON_LOOPBACK if loopback else _SHORT).retrying(since=began)
    waits = _LONG_WAIT.retrying(_report_waiting, since=began)
    while True:
        try:
            return await attempt()
        except (NotSent, AtollError) as error:
            if lasting and _must_wait(error):
                await waits.wait(error)
            else:
                await short.wait(
                    _unreachable_if_not_sent(error), passes=_may_repeat(error, safe=safe)
                )


def _must_wait(error: Exception) -> bool:
    return isinstance(error, Problem) and error.type == _LONG_WAIT_TYPE


def _report_waiting(error: Exception) -> None:
    if output := current_output.get():
        output.warn(f"{error}; waiting")


def _may_repeat(error: Exception, *, safe: bool) -> bool:
    if isinstance(error, NotSent):
        return True
    if isinstance(error, Problem) and error.status == 429 and error.retry_after is None:
        # The time window of Backend.AI's rate limit is 15 minutes.
        return False
    # A long silence is another Unreachable; nobody wants to wait through a second one.
    return safe and isinstance(error, Problem | ConnectionLost) and is_transient(error)


def _unreachable_if_not_sent(error: Exception) -> Exception:
    if isinstance(error, NotSent):
        return Unreachable(str(error), hint="check the endpoint, and that the cluster is up")
    return error
