"""Sessions: find them, count them, and keep the history of their statuses."""

from collections.abc import Sequence

import attrs
from attrs import field, frozen

from atoll_cluster import clock
from atoll_cluster.store.database import Database
from atoll_cluster.store.records import DEAD, ENDED, STATUSES, KernelRow, Session
from atoll_cluster.store.rows import columns, from_row, insertion, written

# S608 below: the statements contain only column names of our own records and question marks.
_COLUMNS = ", ".join(f"sessions.{name}" for name in columns(Session).split(", "))

NEWEST = "newest DESC, sequence DESC"
"""The usual order of lists: the session that was created or has ended last comes first."""

_UNFINISHED = tuple(status for status in STATUSES if status not in ENDED)
"""The statuses are listed because SQLite uses an index for `IN`, but not for `NOT IN`."""

_MOST_REMEMBERED = 256

_NEEDED = """
WITH RECURSIVE needed(id) AS (
    VALUES (?)
    UNION SELECT value FROM needed JOIN sessions USING (id), json_each(sessions.dependencies)
    LIMIT ?
) SELECT id FROM needed
"""
_MOST_NEEDED = 10_000


@frozen
class Page:
    """A part of a list: at most `limit` sessions after the first `offset` ones."""

    limit: int
    offset: int


@frozen
class ListCache:
    """A cache of counts and page ends of long lists, valid until a session changes.

    `counts` contains the number of sessions that meet a condition. `ends` contains the position of
    the last session of a page, by the offset at which the next page begins.
    """

    counts: dict[tuple[object, ...], int] = field(factory=dict)
    ends: dict[tuple[object, ...], tuple[object, ...]] = field(factory=dict)

    def forget(self) -> None:
        self.counts.clear()
        self.ends.clear()

    def make_room(self) -> None:
        if len(self.counts) + len(self.ends) >= _MOST_REMEMBERED:
            self.forget()


@frozen
class Sessions:
    """Reads and writes the sessions and their histories."""

    db: Database
    _memory: ListCache = field(factory=ListCache)

    def add(self, session: Session, kernels: Sequence[KernelRow]) -> None:
        """Add a new session and its kernels at the end of the queue."""
        self._memory.forget()
        with self.db.transaction():
            self.db.execute(*insertion("sessions", session))
            for kernel in kernels:
                self.db.execute(*insertion("kernels", kernel))
            self._remember(session.id, session.status, session.status_info, session.created_at)

    def get(self, session_id: str) -> Session:
        """Return the session with this id; raises KeyError."""
        found = self.select("id = ?", (session_id,))
        if not found:
            raise KeyError(session_id)
        return found[0]

    def find(self, reference: str, access_key: str, *, dead: bool = False) -> list[Session]:
        """Find sessions of a keypair by full id, otherwise by exact name, the oldest first."""
        parameters = [access_key, *([] if dead else sorted(DEAD))]
        alive = "" if dead else f" AND status NOT IN ({_marks(len(DEAD))})"
        for column in ("id", "name"):
            where = f"access_key = ?{alive} AND {column} = ?"
            if found := self.select(where, [*parameters, reference], order="sequence"):
                return found
        return []

    def needed_by(self, session_id: str) -> dict[str, Session]:
        """Return a session and all its direct and indirect dependencies, by id."""
        found = self.select(f"id IN ({_NEEDED})", (session_id, _MOST_NEEDED))
        return {session.id: session for session in found}

    def in_status(self, *statuses: str) -> list[Session]:
        """Return the sessions in one of these statuses, ordered by priority and arrival."""
        return self.select(f"status IN ({_marks(len(statuses))})", statuses)

    def living_ids(self) -> list[str]:
        """Return the ids of all sessions that have not ended, even if their rows are damaged."""
        where = f"status NOT IN ({_marks(len(DEAD))})"
        rows = self.db.rows(
            f"SELECT id FROM sessions WHERE {where} ORDER BY priority DESC, sequence",  # noqa: S608
            sorted(DEAD),
        )
        return [row["id"] for row in rows]

    def unfinished(self) -> list[Session]:
        """Return all sessions that may still have running kernels."""
        return self.in_status(*_UNFINISHED)

    def count_active(self, access_key: str) -> int:
        """Count the sessions of a keypair that run or wait in the queue."""
        where = f"status IN ({_marks(len(_UNFINISHED))}) AND access_key = ?"
        return self.count(where, (*_UNFINISHED, access_key))

    def select(
        self, where: str, parameters: Sequence[object], *, order: str = "priority DESC, sequence"
    ) -> list[Session]:
        """Return the sessions for a WHERE clause of this program, with bound values."""
        rows = self.db.rows(
            f"SELECT {_COLUMNS} FROM sessions WHERE {where} ORDER BY {order}",  # noqa: S608
            parameters,
        )
        return [from_row(Session, row) for row in rows]

    def page(
        self, where: str, parameters: Sequence[object], order: str, page: Page
    ) -> list[Session]:
        """Return one page of the sessions that `select` finds; reads only its rows in full.

        If a client reads a list page by page, the newest first, each query starts after the last
        row of the page before, so that SQLite does not need to skip the earlier rows again.
        """
        asked = where, tuple(parameters), order
        begin = self._memory.ends.get((*asked, page.offset))
        if begin is not None:
            where, parameters = f"({where}) AND (newest, sequence) < (?, ?)", (*parameters, *begin)
        chosen = f"SELECT sequence FROM sessions WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"  # noqa: S608
        offset = page.offset if begin is None else 0
        found = self.select(
            f"sequence IN ({chosen})", (*parameters, page.limit, offset), order=order
        )
        if order == NEWEST and found:
            self._memory.make_room()
            self._memory.ends[*asked, page.offset + len(found)] = self._place(found[-1])
        return found

    def _place(self, session: Session) -> tuple[object, ...]:
        """Return the position of a session in the order NEWEST."""
        row = self.db.row("SELECT newest, sequence FROM sessions WHERE id = ?", (session.id,))
        return tuple(row or ())

    def count(self, where: str, parameters: Sequence[object]) -> int:
        """Count the sessions for a WHERE clause of this program, with bound values."""
        asked = where, tuple(parameters)
        if asked not in self._memory.counts:
            found = self.db.value(f"SELECT count(*) FROM sessions WHERE {where}", parameters)  # noqa: S608
            number = found if isinstance(found, int) else 0
            if self.db.in_transaction:
                return number
            self._memory.make_room()
            self._memory.counts[asked] = number
        return self._memory.counts[asked]

    def update(self, session_id: str, **changes: object) -> None:
        """Change columns of a session; the names are those of the record's fields."""
        names = ", ".join(f"{name} = ?" for name in _checked(changes))
        self._memory.forget()
        self.db.execute(
            f"UPDATE sessions SET {names} WHERE id = ?",  # noqa: S608
            (*written(Session, changes).values(), session_id),
        )

    def set_status(self, session_id: str, status: str, info: str | None) -> None:
        """Store a status and the time, and add it to the history."""
        at = clock.now()
        ending = {"terminated_at": at} if status in DEAD else {}
        start = {"scheduled_at": at} if status == "SCHEDULED" else {}
        with self.db.transaction():
            self.update(
                session_id, status=status, status_info=info, status_changed=at, **ending, **start
            )
            self._remember(session_id, status, info, at)

    def history(self, session_id: str) -> dict[str, str]:
        """Return the time when the session last entered each status, the oldest first."""
        rows = self.db.rows(
            "SELECT status, at FROM session_history WHERE session_id = ? ORDER BY rowid",
            (session_id,),
        )
        return {row["status"]: row["at"] for row in rows}

    def forget(self) -> None:
        """Clear the cache of lists; call this after other code has changed rows."""
        self._memory.forget()

    def _remember(self, session_id: str, status: str, info: str | None, at: str) -> None:
        self.db.execute(
            "INSERT INTO session_history VALUES (?, ?, ?, ?)", (session_id, status, info, at)
        )


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _checked(changes: dict[str, object]) -> list[str]:
    unknown = changes.keys() - attrs.fields_dict(Session).keys()
    if unknown:
        raise AttributeError(f"sessions have no {', '.join(sorted(unknown))}")
    return list(changes)
