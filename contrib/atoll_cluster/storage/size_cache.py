"""A short-lived cache of folder sizes: quotas ask before and after each of many files."""

import time
from pathlib import Path

from attrs import define, field, frozen

from atoll_cluster.storage.volume import count

_SECONDS = 2.0
_TIMES_THE_COUNTING = 50
"""How long a figure holds: at least so many seconds, longer where counting is slow."""


@define
class _Figure:
    size: int
    ends: float


@frozen
class SizeCache:
    """Sizes of folders in bytes; what sessions write is noticed when an entry expires."""

    _figures: dict[Path, _Figure] = field(factory=dict)

    def size(self, folder: Path) -> int:
        """Return the size of a folder; slow when it must be counted."""
        figure = self._figures.get(folder)
        if figure is None or figure.ends < time.monotonic():
            begin = time.monotonic()
            size = count(folder).size
            end = time.monotonic()
            lasts = max(_SECONDS, _TIMES_THE_COUNTING * (end - begin))
            figure = self._figures[folder] = _Figure(size, end + lasts)
        return figure.size

    def add(self, folder: Path, size: int) -> None:
        """Add bytes to the known size of a folder; negative if they were removed."""
        if figure := self._figures.get(folder):
            figure.size += size

    def forget(self, folder: Path) -> None:
        """Forget a size, so that it is counted again."""
        self._figures.pop(folder, None)
