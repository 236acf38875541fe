"""Notes on sessions: `start --note TEXT`, a column of `ps`, a task and a key of the prompt."""

from collections.abc import Iterable

from atoll import Background, Keys, Option, Status, hookimpl
from atoll_sessions.hooks import SessionField, SessionListener


@hookimpl
def atoll_options() -> Iterable[Option]:
    """Offer `--note`, which is told once the session has been started."""
    yield Option(
        ["start"], "atoll_session_notes.option:note", around="atoll_session_notes.option:noting"
    )


@hookimpl(optionalhook=True)
def atoll_session_fields() -> Iterable[SessionField]:
    """Offer `ps -f loud_name`."""
    yield SessionField("loud_name", "Loud name", "atoll_session_notes.field:loud", needs=["name"])


@hookimpl(optionalhook=True)
def atoll_session_events() -> Iterable[SessionListener]:
    """Tell of ends above the prompt."""
    yield SessionListener("farewell", "atoll_session_notes.events:farewell")


@hookimpl
def atoll_background() -> Iterable[Background]:
    """Count in the background."""
    yield Background("notes", "atoll_session_notes.watching:count")


@hookimpl
def atoll_status() -> Iterable[Status]:
    """Show the count in the toolbar."""
    yield Status("notes", "atoll_session_notes.watching:segment")


@hookimpl
def atoll_keys() -> Iterable[Keys]:
    """Offer a key that lists sessions with the column."""
    yield Keys("f9", "atoll_session_notes.keys:listing", "List sessions with their loud names")
