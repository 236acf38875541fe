"""Sessions: finding them, counting them, and the history of their statuses."""

from collections.abc import Sequence

import attrs
from attrs import frozen

from atoll_local import clock
from atoll_local.store.database import Database
from atoll_local.store.records import DEAD, ENDED, KernelRow, Session
from atoll_local.store.rows import columns, from_row, insertion, written

# S608 below: only column names of our own records and question marks are put into the statements.
_COLUMNS = ", ".join(f"sessions.{name}" for name in columns(Session).split(", "))


@frozen
class Sessions:
    """Reads and writes of the sessions and their histories."""

    db: Database

    def add(self, session: Session, kernels: Sequence[KernelRow]) -> None:
        """Put a new session and its kernels at the end of the queue."""
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
        """Match a full id, else an exact name, among a keypair's sessions, the oldest first."""
        parameters = [access_key, *([] if dead else sorted(DEAD))]
        alive = "" if dead else f" AND status NOT IN ({_marks(len(DEAD))})"
        for column in ("id", "name"):
            where = f"access_key = ?{alive} AND {column} = ?"
            if found := self.select(where, [*parameters, reference], order="sequence"):
                return found
        return []

    def in_status(self, *statuses: str) -> list[Session]:
        """Return the sessions in any of these statuses, in order of priority and arrival."""
        return self.select(f"status IN ({_marks(len(statuses))})", statuses)

    def unfinished(self) -> list[Session]:
        """Return every session of which something may still run."""
        return self.select(f"status NOT IN ({_marks(len(ENDED))})", sorted(ENDED))

    def count_active(self, access_key: str) -> int:
        """Count the sessions of a keypair that hold, or wait for, a place on the machine."""
        return len([s for s in self.unfinished() if s.access_key == access_key])

    def select(
        self, where: str, parameters: Sequence[object], *, order: str = "", page: str = ""
    ) -> list[Session]:
        """Return the sessions for a WHERE clause written in this program, values bound."""
        rows = self.db.rows(
            f"SELECT {_COLUMNS} FROM sessions WHERE {where} "  # noqa: S608
            f"ORDER BY {order or 'priority DESC, sequence'} {page}",
            parameters,
        )
        return [from_row(Session, row) for row in rows]

    def count(self, where: str, parameters: Sequence[object]) -> int:
        """Count the sessions for a WHERE clause written in this program, values bound."""
        found = self.db.value(f"SELECT count(*) FROM sessions WHERE {where}", parameters)  # noqa: S608
        return found if isinstance(found, int) else 0

    def update(self, session_id: str, **changes: object) -> None:
        """Write some columns of a session; the names are those of the record."""
        names = ", ".join(f"{name} = ?" for name in _checked(changes))
        self.db.execute(
            f"UPDATE sessions SET {names} WHERE id = ?",  # noqa: S608
            (*written(Session, changes).values(), session_id),
        )

    def set_status(self, session_id: str, status: str, info: str | None) -> None:
        """Write a status with its time and remember it in the history."""
        at = clock.now()
        ending = {"terminated_at": at} if status in DEAD else {}
        start = {"scheduled_at": at} if status == "SCHEDULED" else {}
        with self.db.transaction():
            self.update(
                session_id, status=status, status_info=info, status_changed=at, **ending, **start
            )
            self._remember(session_id, status, info, at)

    def history(self, session_id: str) -> dict[str, str]:
        """Return when the session last entered each status it has had, oldest first."""
        rows = self.db.rows(
            "SELECT status, at FROM session_history WHERE session_id = ? ORDER BY rowid",
            (session_id,),
        )
        return {row["status"]: row["at"] for row in rows}

    def count_query(self, session_id: str) -> None:
        """Count a run in the session."""
        self.db.execute(
            "UPDATE sessions SET num_queries = num_queries + 1 WHERE id = ?", (session_id,)
        )

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
