"""Kernels: the slots that each one occupies, where it runs, and how it ended."""

import json
from collections.abc import Mapping, Sequence

from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.store.database import Database
from atoll_cluster.store.records import DEAD, KernelRow
from atoll_cluster.store.rows import columns, from_row

_SELECT = f"SELECT {columns(KernelRow)} FROM kernels"  # noqa: S608 - column names of our own record

_OCCUPYING = (
    "('SCHEDULED', 'PREPARING', 'RUNNING', 'RUNNING_DEGRADED', 'RESTARTING', 'TERMINATING')"
)


@frozen
class Allocation:
    """The slots that a kernel occupies, and its keypair, group and domain."""

    slots: Mapping[str, str]
    access_key: str
    group_id: str
    domain_name: str


@frozen
class Kernels:
    """Reads and writes the rows of kernels."""

    db: Database

    def get(self, kernel_id: str) -> KernelRow | None:
        """Find a kernel by its id."""
        row = self.db.row(f"{_SELECT} WHERE id = ?", (kernel_id,))
        return from_row(KernelRow, row) if row else None

    def of(self, session_id: str) -> list[KernelRow]:
        """Return the kernels of a session, the main one first."""
        rows = self.db.rows(
            f"{_SELECT} WHERE session_id = ? ORDER BY cluster_role != 'main', cluster_idx",
            (session_id,),
        )
        return [from_row(KernelRow, row) for row in rows]

    def of_many(self, session_ids: Sequence[str]) -> dict[str, list[KernelRow]]:
        """Return the kernels of several sessions by session id, the main kernel first."""
        found: dict[str, list[KernelRow]] = {session_id: [] for session_id in session_ids}
        rows = self.db.rows(
            f"{_SELECT} WHERE session_id IN (SELECT value FROM json_each(?)) "  # noqa: S608 - bound
            "ORDER BY cluster_role != 'main', cluster_idx",
            (json.dumps(session_ids),),
        )
        for row in rows:
            found[row["session_id"]].append(from_row(KernelRow, row))
        return found

    def select(
        self, session_id: str, where: str, parameters: Sequence[object], order: str
    ) -> list[KernelRow]:
        """Return kernels of a session for a WHERE clause of this program, with bound values."""
        rows = self.db.rows(
            f"{_SELECT} WHERE session_id = ? AND ({where}) ORDER BY {order}",
            (session_id, *parameters),
        )
        return [from_row(KernelRow, row) for row in rows]

    def main(self, session_id: str) -> KernelRow:
        """Return the main kernel of a session."""
        return self.of(session_id)[0]

    def occupying(self) -> list[KernelRow]:
        """Return the kernels that occupy slots now."""
        rows = self.db.rows(f"{_SELECT} WHERE status IN {_OCCUPYING}")
        return [from_row(KernelRow, row) for row in rows]

    def allocations(self) -> list[Allocation]:
        """Return the allocation of each kernel that occupies slots now."""
        rows = self.db.rows(
            "SELECT kernels.occupied_slots, access_key, group_id, domain_name "  # noqa: S608 - own
            "FROM kernels JOIN sessions ON sessions.id = kernels.session_id "
            f"WHERE kernels.status IN {_OCCUPYING}"
        )
        return [Allocation(json.loads(row[0]), *row[1:]) for row in rows]

    def assign(
        self,
        kernel_id: str,
        *,
        slots: Mapping[str, str],
        cpus: Sequence[int],
        devices: Sequence[int],
        address: str | None,
        agent: str | None,
    ) -> None:
        """Store the slots that a kernel occupies from now on."""
        self.db.execute(
            "UPDATE kernels SET occupied_slots = ?, cpus = ?, devices = ?, address = ?, "
            "agent = ? WHERE id = ?",
            (
                json.dumps(dict(slots)),
                json.dumps(list(cpus)),
                json.dumps(list(devices)),
                address,
                agent,
                kernel_id,
            ),
        )

    def set_assignment(
        self, kernel_id: str, agent: str | None, engine_id: str | None, ends_at: str | None
    ) -> None:
        """Store where a kernel runs, and when the engine will end it.

        None keeps the stored value. An empty `ends_at` means that the kernel has no time limit now.
        """
        self.db.execute(
            "UPDATE kernels SET agent = COALESCE(?, agent), engine_id = COALESCE(?, engine_id), "
            "ends_at = NULLIF(COALESCE(?, ends_at), '') WHERE id = ?",
            (agent, engine_id, ends_at, kernel_id),
        )

    def set_container(self, kernel_id: str, container_id: str) -> None:
        """Store the id of the container in which a kernel runs from now on."""
        self.db.execute(
            "UPDATE kernels SET container_id = ? WHERE id = ?", (container_id, kernel_id)
        )

    def set_status(
        self, kernel_id: str, status: str, info: str | None, exit_code: int | None = None
    ) -> None:
        """Store a kernel's status and the time; a stored exit code is never replaced."""
        at = clock.now()
        self.db.execute(
            "UPDATE kernels SET status = ?, status_info = ?, status_changed = ?, "
            "terminated_at = COALESCE(terminated_at, ?), exit_code = COALESCE(exit_code, ?) "
            "WHERE id = ?",
            (status, info, at, at if status in DEAD else None, exit_code, kernel_id),
        )

    def keep_figures(
        self, kernel_id: str, status_data: Mapping[str, object], last_stat: Mapping[str, object]
    ) -> None:
        """Store why a kernel ended, and its last resource use."""
        self.db.execute(
            "UPDATE kernels SET status_data = ?, last_stat = ? WHERE id = ?",
            (json.dumps(status_data), json.dumps(last_stat), kernel_id),
        )
