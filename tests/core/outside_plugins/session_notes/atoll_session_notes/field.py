"""A column of `ps`."""

from typing import Any


def loud(session: Any) -> object:
    """Return the session's name in capitals."""
    return None if session.name is None else session.name.upper()
