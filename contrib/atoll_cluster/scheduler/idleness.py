"""End sessions that are idle: no code runs in them and no bytes move to or from them.

The resource policy of the keypair sets the limits in seconds, 0 for no limit: `idle_timeout`, and
`max_session_lifetime`, which also ends sessions that are in use. The store keeps the time when a
session was last used, so that the limits still hold after a restart of the program.
"""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.scheduler.interface import SchedulerInterface
from atoll_cluster.store.records import KeyPairResourcePolicy
from atoll_cluster.store.rows import read_value
from atoll_cluster.supervision import TaskKind

_LONGEST_WAIT, _SHORTEST_WAIT = 10.0, 0.1
"""Seconds between two checks of all sessions."""

_TIMEOUT = 2.0
"""Seconds to wait until a kernel answers how long it has been idle."""

_WATCHED = """
SELECT sessions.id, active_at, scheduled_at, status_changed, idle_timeout, max_session_lifetime
FROM sessions
JOIN keypairs ON keypairs.access_key = sessions.access_key
JOIN keypair_resource_policies ON keypair_resource_policies.name = keypairs.resource_policy
WHERE sessions.status IN ('RUNNING', 'RUNNING_DEGRADED')
AND (idle_timeout > 0 OR max_session_lifetime > 0)
"""


@frozen
class IdleLimits:
    """The time when a running session was last used, and its limits; None for no limit."""

    session_id: str
    used_at: datetime
    began_at: datetime
    idle_timeout: timedelta | None
    lifetime: timedelta | None

    def due(self) -> datetime:
        """Return when the session must end unless it is used before."""
        ends = [self.used_at + self.idle_timeout] if self.idle_timeout else []
        return min([*ends, self.began_at + self.lifetime] if self.lifetime else ends)


class Idleness:
    """Records when each session was last used, and ends idle ones."""

    def __init__(
        self, scheduler: SchedulerInterface, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._scheduler = scheduler
        self._now = now

    def touch(self, session_id: str) -> None:
        """Record that somebody uses a session now."""
        self._scheduler.store.usage.session(session_id, clock.stamp(self._now()))

    async def run(self) -> None:
        """Check all sessions periodically."""
        while True:
            change = self._scheduler.bus.change()
            with anyio.move_on_after(await self.check()):
                await change.wait()
                await anyio.sleep(_SHORTEST_WAIT)

    async def check(self) -> float:
        """End sessions that are due; return the seconds until the next check."""
        for one in list(self._watched()):
            if one.due() <= self._now():
                with self._scheduler.supervisor.isolate_failure(
                    TaskKind.IDLENESS, session=one.session_id
                ):
                    await self._end_unless_used(one)
        coming = (one.due() - self._now() for one in self._watched())
        soonest = min((wait.total_seconds() for wait in coming), default=_LONGEST_WAIT)
        return min(max(soonest, _SHORTEST_WAIT), _LONGEST_WAIT)

    def checks(self, session_id: str) -> dict[str, Any]:
        """Return `idle_checks` of a session: the remaining seconds of each limit.

        A session with any limit has an entry for the lifetime; its `remaining` may be None.
        """
        for one in self._watched(session_id):
            ends = {
                "network_timeout": one.used_at + one.idle_timeout if one.idle_timeout else None,
                "session_lifetime": one.began_at + one.lifetime if one.lifetime else None,
            }
            shown = {name: end for name, end in ends.items() if end or name == "session_lifetime"}
            return {name: self._remaining(end) for name, end in shown.items()}
        return {}

    def _remaining(self, end: datetime | None) -> dict[str, Any]:
        seconds = max(0.0, (end - self._now()).total_seconds()) if end else None
        return {"remaining": seconds, "remaining_time_type": "expire_after", "extra": None}

    def _watched(self, session_id: str | None = None) -> Iterator[IdleLimits]:
        db, used = self._scheduler.store.db, self._scheduler.store.usage.sessions
        where, values = (" AND sessions.id = ?", (session_id,)) if session_id else ("", ())
        for row in db.rows(_WATCHED + where, values):
            one = None
            with self._scheduler.supervisor.isolate_failure(TaskKind.IDLENESS, session=row["id"]):
                one = _read(row, used.get(row["id"]))
            if one is not None:
                yield one

    async def _end_unless_used(self, one: IdleLimits) -> None:
        if one.lifetime and one.began_at + one.lifetime <= self._now():
            self._scheduler.terminate(one.session_id, "idle-session-lifetime")
            return
        # Code may run while no client follows it; only the kernels know that.
        used_at = await self._last_run(one.session_id)
        if used_at > one.used_at:
            self._scheduler.store.usage.session(one.session_id, clock.stamp(used_at))
        elif any(now.used_at == one.used_at for now in self._watched(one.session_id)):
            self._scheduler.terminate(one.session_id, "idle-timeout")

    async def _last_run(self, session_id: str) -> datetime:
        """Return when code last ran in any kernel of a session."""
        last = datetime.min.replace(tzinfo=UTC)
        for row in self._scheduler.store.kernels.of(session_id):
            if kernel := self._scheduler.running.get(row.id):
                idle: float | None = None
                try:
                    with anyio.fail_after(_TIMEOUT):
                        idle = await kernel.idle_for()
                except (EngineError, TimeoutError):
                    continue  # It has just ended, or it does not respond: no code runs in it.
                last = max(last, self._now() - timedelta(seconds=idle or 0))
        return last


def _read(row: sqlite3.Row, used_at: str | None) -> IdleLimits:
    one = IdleLimits(
        row["id"],
        clock.parse(used_at or row["active_at"] or row["status_changed"]),
        clock.parse(row["scheduled_at"] or row["status_changed"]),
        _limit(row, "idle_timeout"),
        _limit(row, "max_session_lifetime"),
    )
    one.due()  # Raises OverflowError here if the end lies beyond the last date.
    return one


def _limit(row: sqlite3.Row, name: str) -> timedelta | None:
    return timedelta(seconds=read_value(KeyPairResourcePolicy, name, row[name])) or None
