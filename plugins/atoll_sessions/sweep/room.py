"""Room on the cluster: waiting for it, and making it.

Without `--rm` the session of a case that has ended is kept for a look at what it left. It takes up
room all the same, and on a small cluster the cases that follow would wait for ever: so such
sessions, of this sweep or of one before, are kept only until another case needs their place.
"""

import time
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define

from atoll import AtollError
from atoll_sessions.model import Session
from atoll_sessions.sweep.link import Link
from atoll_sessions.sweep.progress import DONE, FAILED, WAITING, Progress
from atoll_sessions.sweep.sessions import (
    case_number,
    end_session,
    sweep_id,
    sweep_sessions,
)
from atoll_sessions.sweep.store import Sweep
from atoll_sessions.sweep.view import View

if TYPE_CHECKING:
    from atoll.api import Api

_FIRST_PAUSE = 0.3
_LONGEST_PAUSE = 5.0
_SLOW = 0.6
"""Seconds after which a session that has not started may be waiting for room."""


@define
class Room:
    """What a sweep knows of the room for its sessions; `refused` cases were told there is none."""

    sweep: Sweep
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
        pause = _FIRST_PAUSE
        while True:
            await trio.sleep(pause)
            looked = bool(self.refused) or self._starts_slowly()
            made = looked and await self.link.do(self._make_some)
            pause = min(2 * pause, _LONGEST_PAUSE) if looked and not made else _FIRST_PAUSE

    def _starts_slowly(self) -> bool:
        before = time.time() - _SLOW
        states = map(self.progress.state, self.progress.current)
        return any(one.status == WAITING and (one.started or before) < before for one in states)

    async def _make_some(self, api: "Api") -> bool:
        found = await sweep_sessions(api)
        queued = [one for one in found if one.status == "PENDING" and self._is_own(one)]
        kept = sorted(filter(self._is_over, found), key=self._age)
        chosen = kept[: len(self.refused) + len(queued)]
        for session in chosen:
            self.view.say_once("the cluster is full: sessions of cases that have ended make room")
            await end_session(api, session.id)
            self.freed()
        return bool(chosen)

    def _is_own(self, session: Session) -> bool:
        return sweep_id(session) == self.sweep.id

    def _age(self, session: Session) -> tuple[bool, int]:
        """Sort sessions of other sweeps before this one's, early cases before late ones."""
        return self._is_own(session), case_number(self.sweep.plan, session)

    def _is_over(self, session: Session) -> bool:
        """Tell whether the case that a session was started for has ended."""
        try:
            sweep = self.sweep if self._is_own(session) else self.sweep.sibling(sweep_id(session))
            plan = sweep.plan
        except AtollError:
            return False  # another machine's sweep: nothing is known of its cases
        progress = self.progress if sweep is self.sweep else sweep.progress()
        same = plan.profile == self.sweep.plan.profile
        return same and progress.state(case_number(plan, session)).status in _OVER


_OVER = {DONE, FAILED}
