"""The way to the cluster, kept up through outages."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import trio
from attrs import define

from atoll import Problem, Unreachable

if TYPE_CHECKING:
    from atoll import Api

T = TypeVar("T")
PATIENCE = 120.0
"""Seconds for which a cluster may be out of reach before a sweep gives up on it."""
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 8.0
_PASSING = {502, 503, 504}
_LASTING = {"server-frozen", "not-implemented", "instance-not-available"}
_RATE_LIMITED = 429


@define
class Link:
    """Does things over the API, again and again while the cluster can't be reached.

    What is done must bear being done twice: the first time may have had its effect. `tell` is
    called once for each outage. A cluster that was never reached is not waited for.
    """

    connect: Callable[[], Awaitable["Api"]]
    tell: Callable[[str], None]
    patience: float = PATIENCE
    _api: "Api | None" = None
    _reached: bool = False
    _out: bool = False

    async def do(self, action: Callable[["Api"], Awaitable[T]]) -> T:
        """Await `action(api)`; raises what it raises, Unreachable only when patience ends."""
        give_up, pause = trio.current_time() + self.patience, _FIRST_PAUSE
        while True:
            try:
                self._api = self._api or await self.connect()
                done = await action(self._api)
            except (Unreachable, Problem) as error:
                late = not self._reached or trio.current_time() + pause > give_up
                if not _passes(error, late=late):
                    raise
                self._tell_once(str(error))
                # Asked for anew: the embedded cluster is started again by that.
                self._api = None
            else:
                self._reached, self._out = True, False
                return done
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _tell_once(self, why: str) -> None:
        if not self._out:
            self.tell(f"{why}; trying again")
        self._out = True


def _passes(error: Unreachable | Problem, *, late: bool) -> bool:
    """Tell whether to try again; a limit of requests in a time passes for certain."""
    if isinstance(error, Unreachable):
        return not late
    if error.status == _RATE_LIMITED:
        return True
    return not late and error.status in _PASSING and error.type not in _LASTING
