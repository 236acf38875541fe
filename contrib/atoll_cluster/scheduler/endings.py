"""Telling in time that a place will end a session: its users have a moment to save what they need.

They are told by the status info of the session, by an event, and by a line where its code prints.
"""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import anyio
from attrs import define, field

from atoll_cluster import clock
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.scheduler.bus import SessionEvent
from atoll_cluster.scheduler.keeper import Keeper
from atoll_cluster.supervision import TaskKind

_log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=5)
"""How long before the end it is told."""
BETWEEN = 15.0
"""Seconds between looks."""
_PATIENCE = 10.0
_SOONEST = """
SELECT sessions.id, sessions.status_info, min(kernels.ends_at) AS ends_at
FROM kernels JOIN sessions ON sessions.id = kernels.session_id
WHERE sessions.status = 'RUNNING' AND kernels.status = 'RUNNING' AND kernels.ends_at IS NOT NULL
GROUP BY sessions.id
"""


@define
class Endings:
    """Knows which sessions were told that their time is nearly up."""

    keeper: Keeper
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _told: dict[str, str] = field(factory=dict)
    """What the status info of sessions says of their ends."""

    async def run(self) -> None:
        """Look after all sessions again and again."""
        while True:
            await self.look()
            await anyio.sleep(BETWEEN)

    async def look(self) -> None:
        """Tell those whose time is nearly up, once; take it back where there is more time now."""
        rows = self.keeper.store.db.rows(_SOONEST)
        self._told = {row["id"]: self._told[row["id"]] for row in rows if row["id"] in self._told}
        for row in rows:
            with self.keeper.supervisor.isolate_failure(TaskKind.ENDINGS, session=row["id"]):
                await self._consider(row)

    async def _consider(self, row: sqlite3.Row) -> None:
        ends_at = clock.parse(row["ends_at"])
        text = f"its time is up at {ends_at:%H:%M} UTC" if ends_at - self.now() <= AHEAD else ""
        if self._told.get(row["id"], "") == text:
            return
        self._told[row["id"]] = text
        if (row["status_info"] or "") != text:
            self.keeper.store.sessions.update(row["id"], status_info=text)
            if text:
                await self._tell(row["id"], text, ends_at)

    async def _tell(self, session_id: str, text: str, ends_at: datetime) -> None:
        self.keeper.bus.publish(
            SessionEvent(name="session_ending", session_id=session_id, reason=text)
        )
        minutes = max(0.0, (ends_at - self.now()).total_seconds() / 60)
        line = f"atoll: this session ends in {minutes:.0f} min: {text}"
        for kernel in self.keeper.store.kernels.of(session_id):
            if running := self.keeper.running.get(kernel.id):
                with anyio.move_on_after(_PATIENCE), suppress(EngineError):
                    await running.note(line)
