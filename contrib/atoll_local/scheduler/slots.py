"""Amounts of the machine: whole processors, bytes of memory, and their texts on the wire."""

import re

from attrs import frozen

_COUNT = re.compile(r"(\d{1,9})(?:\.0*)?", re.ASCII)
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}

KNOWN_SLOTS = {"cpu": "count", "mem": "bytes"}
"""The slots of this machine and their types, as `/config/resource-slots` tells them."""


class AmountError(ValueError):
    """An amount that is no amount; the text says why."""


@frozen(order=False)
class Slots:
    """A number of processors and a number of bytes."""

    cpu: int = 0
    mem: int = 0

    def __add__(self, other: "Slots") -> "Slots":
        """Return both together."""
        return Slots(self.cpu + other.cpu, self.mem + other.mem)

    def __sub__(self, other: "Slots") -> "Slots":
        """Return what is left, which may be negative."""
        return Slots(self.cpu - other.cpu, self.mem - other.mem)

    def times(self, count: int) -> "Slots":
        """Return `count` times as much."""
        return Slots(self.cpu * count, self.mem * count)

    def fits(self, room: "Slots") -> bool:
        """Say whether there is room for this."""
        return self.cpu <= room.cpu and self.mem <= room.mem

    def as_text(self) -> dict[str, str]:
        """Return the amounts as the API writes them: decimal texts, memory in bytes."""
        return {"cpu": str(self.cpu), "mem": str(self.mem)}


def from_text(amounts: dict[str, object]) -> Slots:
    """Read amounts as users write them (`{"cpu": 2, "mem": "512m"}`); raises AmountError.

    What is missing is zero, which means that the caller chooses.
    """
    unknown = amounts.keys() - KNOWN_SLOTS.keys()
    if unknown:
        known = ", ".join(KNOWN_SLOTS)
        raise AmountError(
            f"unknown resource slot: {', '.join(sorted(unknown))} (this machine has {known})"
        )
    return Slots(parse_count(amounts.get("cpu") or 0), parse_size(amounts.get("mem") or 0))


def parse_count(value: object) -> int:
    """Read a number of processors, which is whole; raises AmountError."""
    match = _COUNT.fullmatch(str(value).strip())
    if match is None:
        raise AmountError(f"cpu: {value} is not a whole number of processors")
    return int(match[1])


def parse_size(value: object) -> int:
    """Read bytes, perhaps with a suffix of powers of 1024 (`512m`, `1.5g`); raises AmountError."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise AmountError(f"mem: {value!r} is not a size like 512m or 2g")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])
