"""Virtual folders: owners, shares, invitations."""

import json
from collections.abc import Sequence

from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.store.administration import Tables
from atoll_cluster.store.database import Database
from atoll_cluster.store.records import ENDED, STATUSES
from atoll_cluster.store.rows import LARGEST_SIZE, columns, from_row, insertion, whole_field
from atoll_cluster.store.table import Table

# S608 below: the statements contain only column names of our own records and of our own calls.

CLONING = "cloning"
"""The status of a folder while the files of another folder are copied into it."""

TRASHED = "delete-pending"
"""The status of a folder in the trash."""

DELETING = "delete-ongoing"
"""The status of a folder while it is deleted permanently."""


@frozen(kw_only=True)
class VFolder:
    """A folder of a user or of a group; `id` has no dashes, `max_size` is in bytes."""

    id: str
    name: str
    host: str
    usage_mode: str = "general"
    permission: str = "rw"
    user: str | None
    group_id: str | None
    creator: str
    domain_name: str
    unmanaged_path: str | None = None
    cloneable: bool = False
    max_size: int | None = whole_field(None, most=LARGEST_SIZE)
    status: str = "ready"
    created_at: str
    last_used: str | None = None

    @property
    def ownership_type(self) -> str:
        """Return `user` or `group`."""
        return "user" if self.user else "group"

    @property
    def quota_scope_id(self) -> str:
        """Return the quota scope in which the bytes of the folder count."""
        return f"user:{self.user}" if self.user else f"project:{self.group_id}"


@frozen(kw_only=True)
class Share:
    """A folder that a user other than its owner may use."""

    vfolder: str
    user: str
    permission: str


@frozen(kw_only=True)
class Invitation:
    """An offer to share a folder; `state` is pending, accepted, rejected or canceled."""

    id: str
    vfolder: str
    inviter: str
    invitee: str
    permission: str
    state: str = "pending"
    created_at: str
    modified_at: str


_SHARES = f"SELECT {columns(Share)} FROM vfolder_permissions"  # noqa: S608
_INVITATIONS = f"SELECT {columns(Invitation)} FROM vfolder_invitations"  # noqa: S608
_LIVING = tuple(status for status in STATUSES if status not in ENDED)


@frozen
class Folders:
    """Reads and writes folders, shares and invitations."""

    db: Database
    table: Table[VFolder]

    @classmethod
    def of(cls, db: Database, tables: Tables) -> "Folders":
        """Return the folders of a database; conditions may use the accounts in `tables`."""
        return cls(db, Table(db, "vfolders", VFolder, "id", tables.users.counts))

    def get(self, folder_id: str) -> VFolder | None:
        """Find a folder by its id, without dashes."""
        return self.table.get(folder_id)

    def select(self, where: str, parameters: Sequence[object] = ()) -> list[VFolder]:
        """Return folders for a WHERE clause of this program, with bound values."""
        return self.table.select(where, parameters, "created_at, id")

    def accessible(self, user: str, groups: Sequence[str]) -> list[VFolder]:
        """Return the folders that a user owns, that are shared with the user, or of these groups.

        The newest folder comes last.
        """
        return self.select(
            "user = ? OR group_id IN (SELECT value FROM json_each(?)) "
            "OR id IN (SELECT vfolder FROM vfolder_permissions WHERE user = ?)",
            (user, json.dumps(groups), user),
        )

    def update(self, folder_id: str, **changes: object) -> None:
        """Write columns of a folder; the names are those of the record."""
        self.table.update(folder_id, changes)

    def delete(self, folder_id: str) -> None:
        """Delete the rows of a folder, its shares and its invitations."""
        self.table.delete(folder_id)

    def share(self, share: Share) -> None:
        """Share a folder with a user, or change the user's permission."""
        self.table.counts.clear()
        self.db.execute(
            "INSERT OR REPLACE INTO vfolder_permissions VALUES (?, ?, ?)",
            (share.vfolder, share.user, share.permission),
        )

    def unshare(self, folder_id: str, user: str) -> bool:
        """Stop sharing a folder with a user; returns whether it was shared."""
        self.table.counts.clear()
        found = self.db.execute(
            "DELETE FROM vfolder_permissions WHERE vfolder = ? AND user = ?", (folder_id, user)
        )
        return found > 0

    def shares(self, folder_id: str | None = None, user: str | None = None) -> list[Share]:
        """Return all shares, or those of a folder, those with a user, or those of both."""
        rows = self.db.rows(
            f"{_SHARES} WHERE (:folder IS NULL OR vfolder = :folder) "
            "AND (:user IS NULL OR user = :user) ORDER BY vfolder, user",
            {"folder": folder_id, "user": user},
        )
        return [from_row(Share, row) for row in rows]

    def invite(self, invitation: Invitation) -> None:
        """Insert an invitation."""
        self.db.execute(*insertion("vfolder_invitations", invitation))

    def invitation(self, invitation_id: str) -> Invitation | None:
        """Find an open invitation by its id."""
        found = self.invitations("id = ?", invitation_id)
        return found[0] if found else None

    def invitations(self, where: str, *parameters: object) -> list[Invitation]:
        """Return the open invitations for a WHERE clause of this program, with bound values."""
        rows = self.db.rows(
            f"{_INVITATIONS} WHERE state = 'pending' AND ({where}) ORDER BY created_at", parameters
        )
        return [from_row(Invitation, row) for row in rows]

    def change_invitation(self, invitation_id: str, **changes: object) -> None:
        """Change columns of an invitation, and store the time of the change."""
        names = ", ".join(f"{name} = ?" for name in changes)
        self.db.execute(
            f"UPDATE vfolder_invitations SET {names}, modified_at = ? WHERE id = ?",  # noqa: S608
            (*changes.values(), clock.now(), invitation_id),
        )

    def scope_limit(self, scope_id: str) -> int:
        """Return the limit of a quota scope in bytes, 0 if it has no limit."""
        found = self.db.value("SELECT hard_limit_bytes FROM quota_scopes WHERE id = ?", (scope_id,))
        return found if isinstance(found, int) else 0

    def limit_scope(self, scope_id: str, limit: int) -> None:
        """Set the limit of a quota scope in bytes; 0 removes it."""
        with self.db.transaction():
            self.db.execute("DELETE FROM quota_scopes WHERE id = ?", (scope_id,))
            if limit:
                self.db.execute("INSERT INTO quota_scopes VALUES (?, ?)", (scope_id, limit))

    def of_scope(self, scope_id: str) -> list[VFolder]:
        """Return the folders of a quota scope."""
        kind, _, owner = scope_id.partition(":")
        column = "user" if kind == "user" else "group_id"
        return self.select(f"{column} = ?", (owner,))

    def mounted(self) -> dict[str, list[str]]:
        """Return, by folder id, the names of the sessions that mount it and have not ended."""
        rows = self.db.rows(
            "SELECT json_extract(mount.value, '$.vfolder') AS folder, sessions.name AS name "  # noqa: S608
            "FROM sessions, json_each(sessions.vfolder_mounts) AS mount "
            f"WHERE sessions.status IN ({', '.join('?' * len(_LIVING))})",
            _LIVING,
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["folder"], []).append(row["name"])
        return found
