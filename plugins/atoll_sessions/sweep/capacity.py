"""Free resources for a sweep on a full cluster: waiting for them, and releasing some.

Without `--rm`, the session of an ended case is kept, so that the user can look at its files. It
occupies resources all the same, and on a small cluster the next cases would wait forever. So such
sessions are kept only until another case of the same sweep needs their resources. Sessions of other
sweeps are not touched.
"""

import time
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define

from atoll.outages import Backoff
from atoll_sessions.model import Session
from atoll_sessions.sweep.client import Client
from atoll_sessions.sweep.progress import DONE, FAILED, WAITING, Progress
from atoll_sessions.sweep.report import Report
from atoll_sessions.sweep.sessions import case_number, end_session, own_sessions
from atoll_sessions.sweep.store import Sweep

if TYPE_CHECKING:
    from atoll import Api

_POLLS = Backoff(first=0.3, longest=5.0)
"""How often the sweep checks whether a case waits for resources."""
_SLOW_START = 0.6
"""Seconds after which a case that has not started counts as waiting for resources."""


@define
class Capacity:
    """The state of a sweep's waiting for resources.

    `refused` counts cases that found none; `ended` names the sessions that were terminated for
    others.
    """

    sweep: Sweep
    client: Client
    progress: Progress
    report: Report
    refused: set[int] = Factory(set)
    ended: list[str] = Factory(list)
    _freed: trio.Event = Factory(trio.Event)

    def session_ended(self) -> None:
        """Note that a session has ended."""
        self._freed.set()
        self._freed = trio.Event()

    async def wait_for_room(self, number: int, seconds: float) -> None:
        """Let a case whose session was refused wait until a session ends, or for a certain time."""
        self.refused.add(number)
        with trio.move_on_after(seconds):
            await self._freed.wait()
        self.refused.discard(number)

    async def make_room(self) -> None:
        """Until cancelled, terminate sessions of ended cases while others wait for resources."""
        pauses = _POLLS.pauses()
        while True:
            await pauses.sleep()
            looked = bool(self.refused) or self._starts_slowly()
            if not looked or await self.client.call(self._end_kept_sessions):
                pauses.restart()

    def _starts_slowly(self) -> bool:
        before = time.time() - _SLOW_START
        states = map(self.progress.state, self.progress.current)
        return any(one.status == WAITING and (one.started or before) < before for one in states)

    async def _end_kept_sessions(self, api: "Api") -> bool:
        """Terminate as many sessions as other cases wait for; returns whether any was
        terminated.
        """
        plan = self.sweep.plan
        found = await own_sessions(api, plan)
        queued = [one for one in found if one.status == "PENDING"]
        kept = sorted(filter(self._is_over, found), key=partial(case_number, plan))
        chosen = kept[: len(self.refused) + len(queued)]
        for session in chosen:
            number = case_number(plan, session)
            self.report.say(
                f"session {session.name} of case {number}, which has ended, is terminated for"
                " another case: the cluster is full"
            )
            await end_session(api, session.id)
            self.ended.append(session.name)
            self.session_ended()
        return bool(chosen)

    def _is_over(self, session: Session) -> bool:
        """Tell whether the case of a session has ended."""
        number = case_number(self.sweep.plan, session)
        return self.progress.state(number).status in _OVER


_OVER = {DONE, FAILED}
