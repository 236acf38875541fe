"""Detects plugins that make the prompt slow."""

from attrs import define

from atoll._plugins import Origin
from atoll._warnings import warn

SLOW = 0.05
"""Seconds that handling a key may take before the user notices the delay."""


@define
class SlowCalls:
    """Measures one function that runs while keys wait, and warns once if it is slow.

    The first slow call is ignored: the machine may have been busy, or a result may have been
    cached.
    """

    _slow: int = 0

    def note(self, seconds: float, origin: Origin, doing: str) -> None:
        """Note how long a call took."""
        if seconds < SLOW:
            return
        self._slow += 1
        if self._slow == 2:
            warn(f"{origin}: {doing} takes {seconds:.2f} s; the prompt ignores keys meanwhile")
