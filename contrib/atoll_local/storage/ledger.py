"""What folders take, remembered for a moment: quotas ask before and after each of many files."""

import time
from pathlib import Path

from attrs import define, field, frozen

from atoll_local.storage.volume import count

_SECONDS = 2.0
_TIMES_THE_COUNTING = 50
"""How long a figure holds: at least so many seconds, longer where counting is slow."""


@define
class _Figure:
    size: int
    ends: float


@frozen
class Ledger:
    """Sizes of folders in bytes. What sessions write meanwhile is noticed a moment later."""

    _figures: dict[Path, _Figure] = field(factory=dict)

    def size(self, folder: Path) -> int:
        """Return what a folder takes; slow when that has to be counted."""
        figure = self._figures.get(folder)
        if figure is None or figure.ends < time.monotonic():
            begin = time.monotonic()
            size = count(folder).size
            end = time.monotonic()
            lasts = max(_SECONDS, _TIMES_THE_COUNTING * (end - begin))
            figure = self._figures[folder] = _Figure(size, end + lasts)
        return figure.size

    def add(self, folder: Path, size: int) -> None:
        """Note bytes that came, or went if it is negative."""
        if figure := self._figures.get(folder):
            figure.size += size

    def forget(self, folder: Path) -> None:
        """Count anew at the next time."""
        self._figures.pop(folder, None)
