"""Numbers in the headers of answers, whatever the headers hold."""

from datetime import UTC, datetime

from atoll.reading import whole_number

_LONGEST = 10 * 365 * 86400
"""Seconds beyond which nobody waits."""


def retry_after(text: str) -> float | None:
    """Read `Retry-After`, seconds or a date; returns seconds from now, None for anything else."""
    if (seconds := whole_number(text)) is not None:
        return float(min(seconds, _LONGEST))
    ahead = seconds_ahead(text)
    return None if ahead is None else min(max(-ahead, 0.0), float(_LONGEST))


def seconds_ahead(date: str) -> float | None:
    """Return how many seconds this machine's clock is ahead of a `Date` header, None for an invalid
    one.
    """
    from email.utils import parsedate_to_datetime

    try:
        return (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
