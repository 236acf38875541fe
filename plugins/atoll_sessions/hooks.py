"""The hooks that this plugin offers to other plugins, and the records that they return."""

import re
from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from atoll import Hook

__all__ = ["SESSION_EVENTS", "SESSION_FIELDS", "SessionChange", "SessionField", "SessionListener"]

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_NEED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_name(_field: object, _attribute: object, name: Any) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} can't name a field: use letters, digits, - and _")


def _needs(names: Iterable[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"{names!r} should be a sequence of texts, such as ({names!r},)")
    checked = tuple(names)
    for name in checked:
        if not _NEED.fullmatch(name):
            raise ValueError(f"{name!r} is not a field of ComputeSession")
    return checked


@frozen(eq=False, repr=False)
class SessionField:
    """A field of sessions, for `ps -f NAME` and, if it is `usual`, for `info`.

    `load` names `def value(session) -> object`, which is called for each session that is shown, and
    must not wait for anything. It returns a value that JSON can hold, up to 1 MiB; other values are
    shown as text. `needs` are the names of the fields of GraphQL's `ComputeSession` that it reads
    as attributes of the session; a value that the cluster does not return is None. `info` leaves
    out fields whose `needs` the cluster does not know, with a warning.
    """

    name: str = field(validator=_check_name)
    title: str
    load: str
    needs: tuple[str, ...] = field(default=(), converter=_needs)
    usual: bool = True


SESSION_FIELDS = Hook(
    "atoll_session_fields",
    SessionField,
    "Fields of sessions, for `ps` and `info`.",
    lambda one: [one.name],
)


@frozen(kw_only=True)
class SessionChange:
    """An event of one of the user's sessions.

    `event` is named as the cluster does (`session_started`, `session_terminated`), `reason` is the
    cluster's text. `exit_code` is that of a batch job, if the cluster gives it.
    """

    session_id: str
    session_name: str
    event: str
    reason: str = ""
    exit_code: int | None = None

    @property
    def is_end(self) -> bool:
        """Whether the session ends with this event."""
        return self.event in ("session_terminated", "session_cancelled", "session_error")


@frozen(eq=False, repr=False)
class SessionListener:
    """A listener to changes of the user's sessions, while the prompt is open.

    `load` names `async def changed(change: SessionChange, context: Context, shell: ShellState) ->
    None`, which may take five seconds for each change. If it raises, it is not called again, unless
    the error is an outage of the cluster (:func:`atoll.outages.is_transient`). If `setting` is the
    key of a setting, it listens only if that setting is true when the prompt is opened.
    """

    name: str
    load: str
    setting: str | None = None


SESSION_EVENTS = Hook(
    "atoll_session_events",
    SessionListener,
    "Listeners to what happens to the user's sessions, at the prompt.",
    lambda one: [one.name],
)
