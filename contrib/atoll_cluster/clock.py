"""The one way in which the cluster writes a moment: ISO-8601, UTC, microseconds, explicit offset.

The texts sort as the moments do, so the store compares them without parsing.
"""

from datetime import UTC, datetime


def now() -> str:
    """Return this moment, like `2026-03-01T12:00:00.000000+00:00`."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return `moment` as text; a moment without a zone is taken for UTC."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="microseconds")


def parse(text: str) -> datetime:
    """Read an ISO-8601 text; raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is beyond the years that there are") from error


def age(text: str) -> float:
    """Return the seconds since a moment, 0 if it is still to come."""
    return max(0.0, (datetime.now(UTC) - parse(text)).total_seconds())
