"""Room on the cluster: waiting for it, and making it.

Without `--rm` the session of a case that has ended is kept for a look at what it left. It takes up
room all the same, and on a small cluster the cases that follow would wait for ever: so such
sessions are kept only until another case needs their place.
"""

import time
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define

from atoll_sessions.model import Session
from atoll_sessions.sweep.link import Link
from atoll_sessions.sweep.plan import Plan
from atoll_sessions.sweep.progress import DONE, FAILED, WAITING, Progress
from atoll_sessions.sweep.sessions import case_number, end_session, own_sessions
from atoll_sessions.sweep.view import View

if TYPE_CHECKING:
    from atoll.api import Api

_LOOK = 0.3
_SLOW = 0.6
"""Seconds after which a session that has not started may be waiting for room."""


@define
class Room:
    """What a sweep knows of the room for its sessions; `refused` cases were told there is none."""

    plan: Plan
    link: Link
    progress: Progress
    view: View
    refused: set[int] = Factory(set)
    _freed: trio.Event = Factory(trio.Event)

    def freed(self) -> None:
        """Tell that a session has gone."""
        self._freed.set()
        self._freed = trio.Event()

    async def wait(self, number: int, seconds: float) -> None:
        """Let a case that was refused wait until a session goes, or for so long."""
        self.refused.add(number)
        with trio.move_on_after(seconds):
            await self._freed.wait()
        self.refused.discard(number)

    async def make(self) -> None:
        """Until cancelled, end sessions of cases that have ended while others wait for room."""
        while True:
            await trio.sleep(_LOOK)
            if self.progress.ended and (self.refused or self._starts_slowly()):
                await self.link.do(self._make_some)

    def _starts_slowly(self) -> bool:
        before = time.time() - _SLOW
        return any(
            state.status == WAITING and state.started and state.started < before
            for state in self.progress.states.values()
        )

    async def _make_some(self, api: "Api") -> None:
        own = sorted(await own_sessions(api, self.plan), key=self._number)
        needed = len(self.refused) + sum(session.status == "PENDING" for session in own)
        kept = [one for one in own if self.progress.state(self._number(one)).status in _OVER]
        for session in kept[:needed]:
            self.view.say_once("the cluster is full: sessions of cases that have ended make room")
            await end_session(api, session.id)
            self.freed()

    def _number(self, session: Session) -> int:
        return case_number(self.plan, session)


_OVER = {DONE, FAILED}
