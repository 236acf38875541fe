"""How long a transfer puts up with a connection that breaks."""

import math

import trio
from attrs import define

_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
_PATIENCE = 60.0


@define
class Patience:
    """Counts failures since anything last went forward; gives up after `limit` seconds."""

    limit: float = _PATIENCE
    _failures: int = 0
    _since: float = math.inf

    def gained(self) -> None:
        """Note that something went forward."""
        self._failures, self._since = 0, math.inf

    async def lose(self, error: Exception) -> None:
        """Note a failure and wait before the next attempt; raises it when that is too much."""
        now = trio.current_time()
        self._since = min(self._since, now)
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        if now + pause > self._since + self.limit:
            raise error
        self._failures += 1
        await trio.sleep(pause)
