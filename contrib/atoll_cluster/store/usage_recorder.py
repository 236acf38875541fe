"""Record uses in memory and write them later, so that a request that only reads stays fast.

This module records uses of keypairs, sessions and folders, and the number of runs. It writes all of
them together about a second later, or, if the database is locked or the disk full, when possible.
"""

import logging
from collections import Counter
from collections.abc import Mapping

import anyio
from attrs import Factory, define, field

from atoll_cluster import clock
from atoll_cluster.store.database import Database
from atoll_cluster.store.errors import StoreUnavailable
from atoll_cluster.store.table import Counts

_log = logging.getLogger(__name__)

_PAUSE = 1.0
"""Seconds from the first use until it and all later uses are written together."""
_LONGEST_PAUSE = 10.0
"""The most seconds between attempts while the database can't be written."""
_TIMEOUT = 20.0
"""Seconds that the program tries to write the last uses before it ends."""

_KEYPAIR = """
UPDATE keypairs SET num_queries = num_queries + ?, last_used = max(coalesce(last_used, ''), ?)
WHERE access_key = ?
"""
_RUNS = "UPDATE sessions SET num_queries = num_queries + ? WHERE id = ?"
_SESSION = "UPDATE sessions SET active_at = ? WHERE id = ?"
_FOLDER = "UPDATE vfolders SET last_used = ? WHERE id = ?"


@define
class UsageRecorder:
    """Records uses; `counts` is the cache of counts of the tables of accounts and folders."""

    db: Database
    counts: Counts
    _requests: Counter[str] = field(factory=Counter)
    _runs: Counter[str] = field(factory=Counter)
    _keypairs: dict[str, str] = field(factory=dict)
    """The time of the last use, by access key; the others below have the same form."""
    _sessions: dict[str, str] = field(factory=dict)
    _folders: dict[str, str] = field(factory=dict)
    _changed: anyio.Event = Factory(anyio.Event)

    def keypair(self, access_key: str) -> None:
        """Count a request of a keypair."""
        self._requests[access_key] += 1
        self._keypairs[access_key] = clock.now()
        self._changed.set()

    def run(self, session_id: str) -> None:
        """Count a run in a session."""
        self._runs[session_id] += 1
        self._changed.set()

    def session(self, session_id: str, at: str) -> None:
        """Record when a session was used."""
        self._sessions[session_id] = at
        self._changed.set()

    def folder(self, folder_id: str) -> None:
        """Record that a folder is used now."""
        self._folders[folder_id] = clock.now()
        self._changed.set()

    @property
    def sessions(self) -> Mapping[str, str]:
        """The times of the last uses of sessions that are not written yet, by session id."""
        return self._sessions

    def write(self) -> None:
        """Write everything, or nothing; raises StoreError."""
        with self.db.transaction():
            for key, at in self._keypairs.items():
                self.db.execute(_KEYPAIR, (self._requests[key], at, key))
            for session_id, count in self._runs.items():
                self.db.execute(_RUNS, (count, session_id))
            for session_id, at in self._sessions.items():
                self.db.execute(_SESSION, (at, session_id))
            for folder_id, at in self._folders.items():
                self.db.execute(_FOLDER, (at, folder_id))
        self._forget()

    def _forget(self) -> None:
        for uses in (self._requests, self._runs, self._keypairs, self._sessions, self._folders):
            uses.clear()
        # Cached counts whose conditions refer to uses are outdated now.
        for asked in [asked for asked in self.counts if _tells_of_use(asked[1])]:
            del self.counts[asked]
        self._changed = anyio.Event()

    async def keep_writing(self) -> None:
        """Write new uses soon after each, until cancelled."""
        while True:
            await self._changed.wait()
            await anyio.sleep(_PAUSE)
            await self._write_when_possible()

    async def settle(self) -> None:
        """Write the last uses before the program ends; retries for a while."""
        with anyio.move_on_after(_TIMEOUT) as scope:
            if self._changed.is_set():
                await self._write_when_possible()
        if scope.cancelled_caught:
            _log.error("the last uses were not written, because the program must stop")

    async def _write_when_possible(self) -> None:
        pause = _PAUSE / 10
        while True:
            try:
                return self.write()
            except StoreUnavailable as error:
                if pause == _PAUSE / 10:
                    _log.warning("uses will be written later: %s", error)
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _tells_of_use(where: str) -> bool:
    return "last_used" in where or "num_queries" in where
