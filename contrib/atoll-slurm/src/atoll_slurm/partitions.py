"""The partitions of a site, as sinfo tells them."""

import time
from collections.abc import Sequence

from attrs import define, field, frozen

from atoll_slurm.programs import NoAnswer, run

_GOOD_FOR = 300.0
"""Seconds for which the list of partitions is believed."""
_ENDLESS = {"infinite", "UNLIMITED", "n/a", ""}


@frozen
class Partition:
    """A partition; `longest` is the most time that it gives, empty for as long as one likes."""

    name: str
    longest: str
    is_default: bool


@define
class Partitions:
    """The partitions that we may use, asked for now and then."""

    _known: Sequence[Partition] = field(default=(), init=False)
    _until: float = field(default=0.0, init=False)

    async def all(self) -> Sequence[Partition]:
        """List them; raises NoAnswer."""
        if time.monotonic() >= self._until:
            ran = await run(["sinfo", "--noheader", "--format=%P|%l"])
            if ran.code:
                raise NoAnswer(ran.words)
            self._known, self._until = parse_partitions(ran.out), time.monotonic() + _GOOD_FOR
        return self._known

    async def find(self, name: str) -> Partition | None:
        """Return the one of a name, or Slurm's default for an empty one; raises NoAnswer."""
        for one in await self.all():
            if one.name == name or (one.is_default and not name):
                return one
        return None


def parse_partitions(text: str) -> list[Partition]:
    """Read what sinfo prints."""
    found = {}
    for line in text.splitlines():
        name, bar, longest = line.strip().partition("|")
        if bar:
            limit = "" if longest in _ENDLESS else longest
            found[name.rstrip("*")] = Partition(name.rstrip("*"), limit, name.endswith("*"))
    return list(found.values())
