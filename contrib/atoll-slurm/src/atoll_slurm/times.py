"""Read lengths of time as Slurm writes them: `30`, `10:00`, `1-00:00:00`."""

import re
from collections.abc import Iterable

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def seconds(text: str) -> int | None:
    """Return a length of time in seconds; None if it is unlimited or not a length of time."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    days, *parts = match.groups()
    first, second, third = (None if part is None else int(part) for part in parts)
    if days is not None:  # days-hours:minutes:seconds
        return int(days) * 86400 + (first or 0) * 3600 + (second or 0) * 60 + (third or 0)
    if second is None:  # minutes
        return (first or 0) * 60
    if third is None:  # minutes:seconds
        return (first or 0) * 60 + second
    return (first or 0) * 3600 + second * 60 + third


def shortest(texts: Iterable[str]) -> str:
    """Return the shortest of these lengths of time; empty if all are unlimited."""
    known = [(length, text) for text in texts if (length := seconds(text)) is not None]
    return min(known)[1] if known else ""
