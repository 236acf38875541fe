"""What a site consists of, as sinfo tells it: partitions, and the nodes in them."""

import time
from collections.abc import Sequence

from attrs import frozen

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


_known: tuple[float, Sequence[Partition]] = (-_GOOD_FOR, ())


async def partitions() -> Sequence[Partition]:
    """List the partitions that we may use; raises NoAnswer."""
    global _known  # noqa: PLW0603 - one site, whoever asks
    if time.monotonic() - _known[0] > _GOOD_FOR:
        ran = await run(["sinfo", "--noheader", "--format=%P|%l"])
        if ran.code:
            raise NoAnswer(ran.words)
        _known = (time.monotonic(), parse_partitions(ran.out))
    return _known[1]


def parse_partitions(text: str) -> list[Partition]:
    """Read what sinfo prints."""
    found = {}
    for line in text.splitlines():
        name, bar, longest = line.strip().partition("|")
        if bar:
            limit = "" if longest in _ENDLESS else longest
            found[name.rstrip("*")] = Partition(name.rstrip("*"), limit, name.endswith("*"))
    return list(found.values())
