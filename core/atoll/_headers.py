"""Parses numbers in the headers of answers, even if a header is invalid."""

from datetime import UTC, datetime

from atoll.reading import whole_number

_LONGEST = 10 * 365 * 86400
"""The longest wait in seconds that is accepted."""


def retry_after(text: str) -> float | None:
    """Parse `Retry-After`, seconds or a date; returns seconds from now, None for any other text."""
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
