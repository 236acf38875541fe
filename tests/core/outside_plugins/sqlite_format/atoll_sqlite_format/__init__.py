"""Lists as SQLite databases: `ps --output sqlite > sessions.db`."""

from collections.abc import Iterable

from atoll import Format, hookimpl


@hookimpl
def atoll_formats() -> Iterable[Format]:
    """Offer the format."""
    yield Format("sqlite", "A SQLite database", "atoll_sqlite_format.writer:Sqlite")
