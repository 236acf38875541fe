"""The statuses of sessions, and waiting for one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from atoll import UsageError
from atoll.outages import Backoff
from atoll_sessions.model import DEAD, Session
from atoll_sessions.queries import get_session

if TYPE_CHECKING:
    from atoll import Api

ENDING = "TERMINATING"
FAILED = "ERROR"
FINAL = (*DEAD, FAILED)
"""The final statuses: a session leaves them only when it is removed."""
_STARTING: Sequence[tuple[str, ...]] = (
    ("PENDING",),
    ("SCHEDULED",),
    ("PULLING", "PREPARING"),  # the order up to 24.x; later the other one
    ("PREPARED",),
    ("CREATING",),
    ("RUNNING",),
)
STARTING = frozenset(name for step in _STARTING[1:-1] for name in step)
"""The statuses between the queue and running."""
_ENDING: Sequence[tuple[str, ...]] = ((ENDING,), ("TERMINATED",))
_OTHERS = ("RUNNING_DEGRADED", "RESTARTING", "DEPRIORITIZING", "RESERVED", "PREEMPTED")
_FORMER = ("BUILDING", "RESIZING", "SUSPENDED")
KNOWN = tuple(
    dict.fromkeys([*(name for step in (*_STARTING, *_ENDING) for name in step), *_OTHERS, *FINAL])
)
"""Every status that a release up to 26.8 has."""
POLLS = Backoff(first=0.1, factor=1.5, longest=1.0)
"""How often to check whether a session has the wanted status."""


def known_status(name: str) -> str:
    """Return the status of this name, in upper or lower case; raises UsageError with a list of
    all.
    """
    if name.upper() not in KNOWN:
        raise UsageError(f"no such status: {name}", hint=f"known: {', '.join(KNOWN)}")
    return name.upper()


def known_statuses(names: str) -> str:
    """Check a comma-separated list of statuses to filter sessions by; it may contain ALL and former
    statuses.

    Raises UsageError with a list of all statuses.
    """
    known = ("ALL", *KNOWN, *_FORMER)
    wanted = [name.strip() for name in names.upper().split(",")]
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(
            f"--status: no such status: {unknown[0]!r}", hint=f"known: {', '.join(known)}"
        )
    return "ALL" if "ALL" in wanted else ",".join(wanted)


def has_reached(status: str, wanted: str) -> bool:
    """Tell whether a session has a status, or has passed it on its usual path.

    A session may have a status for such a short time that no query returns it.
    """
    for way in (_STARTING, _ENDING):
        now, then = _step(way, status), _step(way, wanted)
        if now is not None and then is not None:
            return now > then or status == wanted
    return status == wanted


def _step(way: Sequence[tuple[str, ...]], status: str) -> int | None:
    return next((index for index, step in enumerate(way) if status in step), None)


def can_reach(status: str, wanted: str) -> bool:
    """Tell whether a session in one status can still get another."""
    if status == FAILED:
        return _step(_ENDING, wanted) is not None
    return status not in DEAD


async def look_until(
    api: "Api",
    session_id: str,
    fields: Sequence[str],
    done: Callable[[Session], bool],
    show: Callable[[str], None] = lambda _status: None,
) -> Session:
    """Query a session again and again until `done` returns true; `show` is called with each
    status.
    """
    async for _ in POLLS:
        session = await get_session(api, session_id, ["id", "name", "status", *fields])
        if done(session):
            break
        show(session.status)
    return session
