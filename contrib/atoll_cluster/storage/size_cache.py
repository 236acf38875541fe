"""A short-lived cache of folder sizes: quotas are checked before and after each file."""

import time
from pathlib import Path

from attrs import define, field, frozen

from atoll_cluster.storage.volume import count

_SECONDS = 2.0
_TIMES_THE_COUNTING = 50
"""How long a size is valid: at least `_SECONDS`, or this many times the time for counting."""


@define
class _Figure:
    size: int
    ends: float


@frozen
class SizeCache:
    """Sizes of folders in bytes; changes by sessions appear when an entry expires."""

    _figures: dict[Path, _Figure] = field(factory=dict)

    def size(self, folder: Path) -> int:
        """Return the size of a folder; slow if its files must be counted."""
        figure = self._figures.get(folder)
        if figure is None or figure.ends < time.monotonic():
            begin = time.monotonic()
            size = count(folder).size
            end = time.monotonic()
            lasts = max(_SECONDS, _TIMES_THE_COUNTING * (end - begin))
            figure = self._figures[folder] = _Figure(size, end + lasts)
        return figure.size

    def add(self, folder: Path, size: int) -> None:
        """Add bytes to a cached size; the number is negative for removed bytes."""
        if figure := self._figures.get(folder):
            figure.size += size

    def forget(self, folder: Path) -> None:
        """Delete a cached size."""
        self._figures.pop(folder, None)
