"""Warn users before the engine ends their session, so that they can save their work.

The warning appears in the session's status info, in an event, and in the output of its code.
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
from atoll_cluster.scheduler.interface import SchedulerInterface
from atoll_cluster.supervision import TaskKind

_log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=5)
"""How long before the end users are warned."""
BETWEEN = 15.0
"""Seconds between checks."""
_PATIENCE = 10.0
_SOONEST = """
SELECT sessions.id, sessions.status_info, min(kernels.ends_at) AS ends_at
FROM kernels JOIN sessions ON sessions.id = kernels.session_id
WHERE sessions.status = 'RUNNING' AND kernels.status = 'RUNNING' AND kernels.ends_at IS NOT NULL
GROUP BY sessions.id
"""


@define
class Endings:
    """Warns the users of sessions, and remembers which sessions were warned."""

    scheduler: SchedulerInterface
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _told: dict[str, str] = field(factory=dict)
    """The warning in the status info of each session, by session id."""

    async def run(self) -> None:
        """Check all sessions periodically."""
        while True:
            await self.look()
            await anyio.sleep(BETWEEN)

    async def look(self) -> None:
        """Warn users once of sessions that end soon; withdraw a warning if one got more time."""
        rows = self.scheduler.store.db.rows(_SOONEST)
        self._told = {row["id"]: self._told[row["id"]] for row in rows if row["id"] in self._told}
        for row in rows:
            with self.scheduler.supervisor.isolate_failure(TaskKind.ENDINGS, session=row["id"]):
                await self._consider(row)

    async def _consider(self, row: sqlite3.Row) -> None:
        ends_at = clock.parse(row["ends_at"])
        text = f"its time is up at {ends_at:%H:%M} UTC" if ends_at - self.now() <= AHEAD else ""
        if self._told.get(row["id"], "") == text:
            return
        self._told[row["id"]] = text
        if (row["status_info"] or "") != text:
            self.scheduler.store.sessions.update(row["id"], status_info=text)
            if text:
                await self._tell(row["id"], text, ends_at)

    async def _tell(self, session_id: str, text: str, ends_at: datetime) -> None:
        self.scheduler.bus.publish(
            SessionEvent(name="session_ending", session_id=session_id, reason=text)
        )
        minutes = max(0.0, (ends_at - self.now()).total_seconds() / 60)
        line = f"atoll: this session ends in {minutes:.0f} min: {text}"
        for kernel in self.scheduler.store.kernels.of(session_id):
            if running := self.scheduler.running.get(kernel.id):
                with anyio.move_on_after(_PATIENCE), suppress(EngineError):
                    await running.note(line)
