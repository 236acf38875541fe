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
CHECK_INTERVAL = 15.0
"""Seconds between checks."""
_TIMEOUT = 10.0
_FIRST_ENDS = """
SELECT sessions.id, sessions.status_info, min(kernels.ends_at) AS ends_at
FROM kernels JOIN sessions ON sessions.id = kernels.session_id
WHERE sessions.status = 'RUNNING' AND kernels.status = 'RUNNING' AND kernels.ends_at IS NOT NULL
GROUP BY sessions.id
"""


@define
class EndWarnings:
    """Warns the users of sessions, and remembers which sessions were warned."""

    scheduler: SchedulerInterface
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _warnings: dict[str, str] = field(factory=dict)
    """The warning in the status info of each session, by session id."""

    async def run(self) -> None:
        """Check all sessions periodically."""
        while True:
            await self.check()
            await anyio.sleep(CHECK_INTERVAL)

    async def check(self) -> None:
        """Warn users once of sessions that end soon; withdraw a warning if one got more time."""
        rows = self.scheduler.store.db.rows(_FIRST_ENDS)
        self._warnings = {
            row["id"]: self._warnings[row["id"]] for row in rows if row["id"] in self._warnings
        }
        for row in rows:
            with self.scheduler.supervisor.isolate_failure(TaskKind.ENDINGS, session=row["id"]):
                await self._check(row)

    async def _check(self, row: sqlite3.Row) -> None:
        ends_at = clock.parse(row["ends_at"])
        text = f"its time is up at {ends_at:%H:%M} UTC" if ends_at - self.now() <= AHEAD else ""
        if self._warnings.get(row["id"], "") == text:
            return
        self._warnings[row["id"]] = text
        if (row["status_info"] or "") != text:
            self.scheduler.store.sessions.update(row["id"], status_info=text)
            if text:
                await self._warn(row["id"], text, ends_at)

    async def _warn(self, session_id: str, text: str, ends_at: datetime) -> None:
        self.scheduler.bus.publish(
            SessionEvent(name="session_ending", session_id=session_id, reason=text)
        )
        minutes = max(0.0, (ends_at - self.now()).total_seconds() / 60)
        line = f"atoll: this session ends in {minutes:.0f} min: {text}"
        for kernel in self.scheduler.store.kernels.of(session_id):
            if running := self.scheduler.running.get(kernel.id):
                with anyio.move_on_after(_TIMEOUT), suppress(EngineError):
                    await running.note(line)
