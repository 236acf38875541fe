"""What the toolbar says of sessions, and its segments: they look at what is known, and no more.

:mod:`atoll_sessions.live.looking` keeps it up to date.
"""

import time
from collections.abc import Mapping

from attrs import Factory, define, frozen

from atoll import ShellState
from atoll.output import show_slots

_SHOWN_SLOTS = 4
"""How many kinds of slots are shown."""


@frozen
class Seen:
    """What a cluster has told: the user's sessions by status, who that is, and what is free."""

    running: int = 0
    pending: int = 0
    user: str = ""
    free: Mapping[str, float] = Factory(dict)


@define
class Glance:
    """What is known of one cluster; `silent_since` is when it last answered, where it no longer
    does, in seconds of :func:`time.monotonic`.
    """

    seen: Seen | None = None
    silent_since: float | None = None


glance = Glance()
"""What the toolbar of this program's one prompt shows."""


def sessions(_shell: ShellState) -> str:
    """How many sessions run and wait, or for how long the cluster has been silent."""
    if glance.silent_since is not None:
        return f"offline {_brief(time.monotonic() - glance.silent_since)}"
    if (seen := glance.seen) is None:
        return ""
    waiting = f", {seen.pending} pending" if seen.pending else ""
    return f"{seen.running} running{waiting}"


def free(_shell: ShellState) -> str:
    """Which slots are free."""
    if glance.seen is None or glance.silent_since is not None or not glance.seen.free:
        return ""
    slots = dict(list(glance.seen.free.items())[:_SHOWN_SLOTS])
    return f"free {show_slots(slots, zeros=True)}"


def user(_shell: ShellState) -> str:
    """As whom the user works."""
    return glance.seen.user if glance.seen else ""


def _brief(seconds: float) -> str:
    """Show a duration in its largest unit."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{int(seconds)} s"
