"""Which domains, groups and keypairs may use which scaling groups."""

from atoll_cluster.store.database import Database

KINDS = ("domain", "group", "keypair")


def open_to(db: Database, kind: str, whom: str) -> list[str]:
    """Return the names of the scaling groups that a domain, group or keypair may use."""
    rows = db.rows(
        "SELECT scaling_group FROM scaling_group_access WHERE kind = ? AND whom = ? ORDER BY 1",
        (kind, whom),
    )
    return [row["scaling_group"] for row in rows]


def usable_by(db: Database, domain: str, group: str, keypair: str) -> list[str]:
    """Return the names of the active scaling groups in which a session may run."""
    rows = db.rows(
        "SELECT DISTINCT name FROM scaling_groups "
        "JOIN scaling_group_access ON scaling_group = name "
        "WHERE is_active AND (kind, whom) IN "
        "(VALUES ('domain', ?), ('group', ?), ('keypair', ?)) ORDER BY created_at, name",
        (domain, group, keypair),
    )
    return [row["name"] for row in rows]


def grant(db: Database, scaling_group: str, kind: str, whom: str) -> None:
    """Allow a domain, group or keypair to use a scaling group."""
    db.execute(
        "INSERT OR IGNORE INTO scaling_group_access VALUES (?, ?, ?)", (scaling_group, kind, whom)
    )


def revoke(db: Database, kind: str, whom: str, scaling_group: str | None = None) -> int:
    """Withdraw access to one scaling group, or to all; returns the number of deleted grants."""
    return db.execute(
        "DELETE FROM scaling_group_access "
        "WHERE kind = :kind AND whom = :whom AND :name IN (scaling_group, '*')",
        {"kind": kind, "whom": whom, "name": scaling_group or "*"},
    )
