"""Formats times, sizes, numbers and resource slots for people."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def local_time(text: str | None) -> str:
    """Format an ISO time in the local time zone, to the second."""
    if not text:
        return ""
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text


def age(text: str | None) -> str:
    """Format how long ago an ISO time was, in its largest unit: `3m`; a future time as `in 3m`."""
    if not text:
        return ""
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(text).astimezone()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return text
    units = (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    unit, size = next((one for one in units if abs(seconds) >= one[1]), units[-1])
    amount = f"{abs(seconds) // size:.0f}{unit}"
    return f"in {amount}" if seconds <= -1 else amount


def show_slots(slots: Mapping[str, Any] | None, *, zeros: bool = False) -> str:
    """Format resource slots as text, memory in binary units: `cpu 1, mem 512 MiB`.

    Slots of amount 0 are left out unless `zeros` is true.
    """
    return ", ".join(
        f"{name} {binary_size(amount) if name == 'mem' else f'{float(amount):g}'}"
        for name, amount in sorted((slots or {}).items())
        if zeros or float(amount)
    )


def counted(number: int, thing: str = "file") -> str:
    """Return a number with its noun: `1 file`, `2 files`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def binary_size(amount: Any) -> str:
    """Format a number of bytes in the largest unit in which it is at least one."""
    size = float(amount)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"
