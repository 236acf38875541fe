"""List the partitions of a site by sinfo."""

import time
from collections.abc import Sequence

from attrs import define, field, frozen

from atoll_slurm.programs import NoAnswer, run

_GOOD_FOR = 300.0
"""Seconds for which the list of partitions is cached."""
_ENDLESS = {"infinite", "UNLIMITED", "n/a", ""}


@frozen
class Partition:
    """A partition; `longest` is its time limit, empty for no limit."""

    name: str
    longest: str
    is_default: bool


@define
class Partitions:
    """The partitions that this user may use; Slurm is asked from time to time."""

    _known: Sequence[Partition] = field(default=(), init=False)
    _until: float = field(default=0.0, init=False)

    async def all(self) -> Sequence[Partition]:
        """List the partitions; raises NoAnswer."""
        if time.monotonic() >= self._until:
            ran = await run(["sinfo", "--noheader", "--format=%P|%l"])
            if ran.code:
                raise NoAnswer(ran.words)
            self._known, self._until = parse_partitions(ran.out), time.monotonic() + _GOOD_FOR
        return self._known

    async def find(self, name: str) -> Partition | None:
        """Find a partition by name; an empty name means Slurm's default. Raises NoAnswer."""
        for one in await self.all():
            if one.name == name or (one.is_default and not name):
                return one
        return None


def parse_partitions(text: str) -> list[Partition]:
    """Read the lines that sinfo prints."""
    found = {}
    for line in text.splitlines():
        name, bar, longest = line.strip().partition("|")
        if bar:
            limit = "" if longest in _ENDLESS else longest
            found[name.rstrip("*")] = Partition(name.rstrip("*"), limit, name.endswith("*"))
    return list(found.values())
