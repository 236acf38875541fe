"""Hooks that this plugin offers to others, and the records that they take."""

from collections.abc import Sequence

from attrs import frozen

from atoll import Hook

__all__ = ["SESSION_FIELDS", "SessionField"]


@frozen(eq=False, repr=False)
class SessionField:
    """A field of sessions, for `ps -f NAME` and, if it is `usual`, for `info`.

    `load` names `def value(session) -> object`, which is called for each session that is shown, and
    waits for nothing. `needs` are the fields of GraphQL's `ComputeSession` that it looks at, which
    it finds as attributes of the session; None stands for what the cluster does not tell.
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
