"""Amounts of slots (processors, bytes of memory, devices), and how the API writes them."""

import re
from collections.abc import Mapping
from decimal import Decimal

from attrs import field, frozen

_COUNT = re.compile(r"\d{1,9}(?:\.\d{1,4})?", re.ASCII)
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_ZERO = Decimal(0)


class AmountError(ValueError):
    """The amount is invalid; the text says why."""


@frozen(order=False)
class Slots:
    """Processors (maybe a fraction), bytes of memory, and amounts of devices.

    The key of a device is the name of its slot, like `cuda.shares` or `gres:ssd`. A device without
    an entry has the amount zero.
    """

    cpu: Decimal = field(default=_ZERO, converter=Decimal)
    mem: int = 0
    devices: Mapping[str, Decimal] = field(factory=dict)

    def __add__(self, other: "Slots") -> "Slots":
        """Return the sum."""
        return Slots(self.cpu + other.cpu, self.mem + other.mem, _sums(self, other, 1))

    def __sub__(self, other: "Slots") -> "Slots":
        """Return the difference, which may be negative."""
        return Slots(self.cpu - other.cpu, self.mem - other.mem, _sums(self, other, -1))

    def times(self, count: int) -> "Slots":
        """Return `count` times the amounts."""
        devices = {name: amount * count for name, amount in self.devices.items()}
        return Slots(self.cpu * count, self.mem * count, devices)

    def fits(self, room: "Slots") -> bool:
        """Return whether no amount exceeds the one in `room`."""
        return not self.lacking(room)

    def lacking(self, room: "Slots") -> list[str]:
        """Return the names of the slots whose amounts exceed those in `room`."""
        mine, theirs = self.amounts(), room.amounts()
        return [name for name, amount in mine.items() if amount > theirs.get(name, _ZERO)]

    def amounts(self) -> dict[str, Decimal]:
        """Return the amounts by the names of slots."""
        return {"cpu": self.cpu, "mem": Decimal(self.mem), **self.devices}

    def as_text(self) -> dict[str, str]:
        """Return the amounts in the API's form: decimal texts, memory in bytes."""
        return as_text(self.amounts())


def as_text(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    """Return amounts as the API writes them."""
    return {name: plain(amount) for name, amount in amounts.items()}


def from_text(amounts: Mapping[str, object]) -> Slots:
    """Read amounts from users (`{"cpu": 2, "mem": "512m"}`); raises AmountError.

    A slot that is missing gets the amount zero, which means that the cluster chooses it.
    """
    devices = {name: parse_count(name, amounts[name] or 0) for name in amounts if is_device(name)}
    return Slots(
        parse_count("cpu", amounts.get("cpu") or 0), parse_size(amounts.get("mem") or 0), devices
    )


def is_device(slot: str) -> bool:
    """Return whether a slot's name can be the name of a device."""
    return "." in slot or ":" in slot


def recorded(amounts: Mapping[str, object]) -> Slots:
    """Read stored amounts; all are zero if they are damaged."""
    try:
        return from_text(dict(amounts))
    except AmountError:
        return Slots()


def parse_count(name: str, value: object) -> Decimal:
    """Read a number of processors or devices, with four decimals; raises AmountError."""
    text = str(value).strip()
    if not _COUNT.fullmatch(text):
        raise AmountError(f"{name}: {value} is not a number like 2 or 0.5")
    return Decimal(text)


def parse_size(value: object) -> int:
    """Read bytes, with an optional suffix for 1024ⁿ (`512m`, `1.5g`); raises AmountError."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise AmountError(f"mem: {value!r} is not a size like 512m or 2g")
    return int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])


def show_size(size: int) -> str:
    """Return a number of bytes for people: `512 MiB`, `1.5 GiB`."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} TiB"


def plain(amount: Decimal) -> str:
    """Return a number without exponent and trailing zeros."""
    return f"{amount.normalize():f}"


def _sums(left: Slots, right: Slots, sign: int) -> dict[str, Decimal]:
    names = [*left.devices, *(name for name in right.devices if name not in left.devices)]
    return {
        name: left.devices.get(name, _ZERO) + sign * right.devices.get(name, _ZERO)
        for name in names
    }
