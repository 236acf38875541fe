"""A short-lived cache of folder sizes: quotas are checked before and after each file."""

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
    """Sizes of folders in bytes; changes by sessions are noticed when an entry expires."""

    _figures: dict[Path, _Figure] = field(factory=dict)

    def size(self, folder: Path) -> int:
        """Return the size of a folder; slow if it must be counted."""
        figure = self._figures.get(folder)
        if figure is None or figure.ends < time.monotonic():
            begin = time.monotonic()
            size = count(folder).size
            end = time.monotonic()
            lasts = max(_SECONDS, _TIMES_THE_COUNTING * (end - begin))
            figure = self._figures[folder] = _Figure(size, end + lasts)
        return figure.size

    def add(self, folder: Path, size: int) -> None:
        """Add bytes to a cached size; negative for removed bytes."""
        if figure := self._figures.get(folder):
            figure.size += size

    def forget(self, folder: Path) -> None:
        """Drop a cached size."""
        self._figures.pop(folder, None)
