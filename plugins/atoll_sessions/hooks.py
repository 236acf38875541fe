"""Hooks that this plugin offers to others, and the records that they take."""

from collections.abc import Sequence

from attrs import frozen

from atoll import Hook

__all__ = ["SESSION_EVENTS", "SESSION_FIELDS", "SessionChange", "SessionField", "SessionListener"]


@frozen(eq=False, repr=False)
class SessionField:
    """A field of sessions, for `ps -f NAME` and, if it is `usual`, for `info`.

    `load` names `def value(session) -> object`, which is called for each session that is shown, and
    must not wait for anything. `needs` are the fields of GraphQL's `ComputeSession` that it reads
    as attributes of the session; None stands for what the cluster does not give.
    """

    name: str
    title: str
    load: str
    needs: Sequence[str] = ()
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
    """What is told of changes to the user's sessions, while the prompt is open.

    `load` names `async def changed(change: SessionChange, context, shell) -> None`, which is given
    a few seconds for each. With the key of a `setting`, it listens when that is true.
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
