"""The toolbar's segments about sessions. They show stored data and send no requests.

:mod:`atoll_sessions.live.polling` keeps the data up to date.
"""

import time
from collections.abc import Mapping

from attrs import Factory, define, frozen

from atoll import ShellState
from atoll.output import show_slots

_SHOWN_SLOTS = 4
"""How many kinds of slots are shown."""


@frozen
class Summary:
    """What a cluster has answered: the user's sessions by status, who the user is, and what is
    free.
    """

    running: int = 0
    pending: int = 0
    user: str = ""
    free: Mapping[str, float] = Factory(dict)


@define
class ToolbarData:
    """What is known of one cluster. If it does not answer, `silent_since` is the time of its last
    answer, in seconds of :func:`time.monotonic`.
    """

    summary: Summary | None = None
    silent_since: float | None = None


toolbar_data = ToolbarData()
"""The data that the toolbar of the prompt shows; a process has only one prompt."""


def sessions(_shell: ShellState) -> str:
    """How many sessions run and wait, or how long the cluster has not answered."""
    if toolbar_data.silent_since is not None:
        return f"offline {_brief(time.monotonic() - toolbar_data.silent_since)}"
    if (summary := toolbar_data.summary) is None:
        return ""
    waiting = f", {summary.pending} pending" if summary.pending else ""
    return f"{summary.running} running{waiting}"


def free(_shell: ShellState) -> str:
    """Which slots are free."""
    if (
        toolbar_data.summary is None
        or toolbar_data.silent_since is not None
        or not toolbar_data.summary.free
    ):
        return ""
    slots = dict(list(toolbar_data.summary.free.items())[:_SHOWN_SLOTS])
    return f"free {show_slots(slots, zeros=True)}"


def user(_shell: ShellState) -> str:
    """The user whose credentials are in use."""
    return toolbar_data.summary.user if toolbar_data.summary else ""


def _brief(seconds: float) -> str:
    """Show a duration in its largest unit."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{int(seconds)} s"
