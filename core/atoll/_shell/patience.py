"""Names what makes the prompt slow."""

from attrs import define

from atoll._plugins import Origin
from atoll._warnings import warn

SLOW = 0.05
"""Seconds that a key may take at the most for whoever types it not to notice."""


@define
class Patience:
    """Watches one thing that runs while keys wait; it is named once.

    Once does not count: the machine may have been busy, or something was made for all later calls.
    """

    _slow: int = 0

    def spent(self, seconds: float, origin: Origin, doing: str) -> None:
        """Note how long a call took."""
        if seconds < SLOW:
            return
        self._slow += 1
        if self._slow == 2:
            warn(f"{origin}: {doing} takes {seconds:.2f} s; the prompt ignores keys meanwhile")
