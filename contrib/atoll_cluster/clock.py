"""The cluster's format of times: ISO-8601, UTC, microseconds, explicit offset.

The order of the texts is the order of the times, so the store compares them without parsing.
"""

from datetime import UTC, datetime


def now() -> str:
    """Return the present time, like `2026-03-01T12:00:00.000000+00:00`."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return `moment` as text; a moment without a time zone is taken as UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="microseconds")


def parse(text: str) -> datetime:
    """Read an ISO-8601 text; raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error


def age(text: str) -> float:
    """Return the seconds since a time, 0 for a time in the future."""
    return max(0.0, (datetime.now(UTC) - parse(text)).total_seconds())
