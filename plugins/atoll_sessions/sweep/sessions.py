"""The sessions of a sweep: identified by their names and tags, and terminated when they are no
longer needed.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from atoll import NotFound
from atoll.outages import Backoff
from atoll_sessions.model import Session
from atoll_sessions.queries import get_session, list_sessions
from atoll_sessions.sweep.plan import Plan
from atoll_sessions.termination import terminate

if TYPE_CHECKING:
    from atoll import Api

_FIELDS = ["id", "name", "status", "tag"]
_POLLS = Backoff(first=0.05, longest=1.0)


async def own_sessions(api: "Api", plan: Plan, name: str = "") -> list[Session]:
    """Return the living sessions that this sweep has started; with `name`, only the session of this
    name.
    """
    # The filter takes an underscore for any character, so sessions of others are dropped below.
    which = f'name == "{name}"' if name else f'name like "{plan.stem}%"'
    found = list_sessions(api, _FIELDS, filter=which)
    return [session async for session in found if session.tag == plan.tag]


def case_number(plan: Plan, session: Session) -> int:
    """Return the number of a session's case, 0 if its name does not have one."""
    suffix = session.name.removeprefix(plan.stem)
    return int(suffix) if suffix.isdecimal() else 0


async def end_session(api: "Api", session_id: str) -> None:
    """Terminate a session and wait until it has ended, since only then its name can be used
    again.
    """
    try:
        await terminate(api, session_id)
        async for _ in _POLLS:
            if not (await get_session(api, session_id, _FIELDS)).alive:
                return
    except NotFound:
        return


async def end_own_sessions(
    api: "Api", plan: Plan, *, all_cases: bool, due: Collection[int] = ()
) -> int:
    """Terminate the sweep's living sessions, of all cases or of certain ones; returns how many."""
    numbers = set(due)
    found = await own_sessions(api, plan)
    ended = [one for one in found if all_cases or case_number(plan, one) in numbers]
    for session in ended:
        await end_session(api, session.id)
    return len(ended)
