"""Rows of a domain, a group or a keypair that refer to its key without a foreign key.

They are deleted with their owner, because a later owner with the same name would otherwise get
them. When the owner is renamed, they are updated.
"""

from typing import Literal

from atoll_cluster.store.database import Database

Owner = Literal["domain", "group", "keypair"]

_OWNED_TABLES = (("scaling_group_access", "kind", "whom"), ("dotfiles", "scope", "owner"))
"""For each table: its name, the column with the owner's type, the column with its key."""

# S608 below: the statements contain only the names above and those of SQLite's own catalogue.


def delete_owned(db: Database, kind: Owner, key: str) -> None:
    """Delete the rows that belong to an owner; call this when the owner is deleted."""
    for table, kinds, keys in _OWNED_TABLES:
        db.execute(f"DELETE FROM {table} WHERE {kinds} = ? AND {keys} = ?", (kind, key))  # noqa: S608


def rename_domain(db: Database, old: str, new: str) -> None:
    """Change the name of a domain in all rows that refer to it or belong to it."""
    tables = db.rows(
        "SELECT found.name FROM sqlite_master AS found, pragma_table_info(found.name) AS columns "
        "WHERE found.type = 'table' AND columns.name = 'domain_name'"
    )
    for row in tables:
        sql = f"UPDATE {row['name']} SET domain_name = ? WHERE domain_name = ?"  # noqa: S608
        db.execute(sql, (new, old))
    for table, kinds, keys in _OWNED_TABLES:
        sql = f"UPDATE {table} SET {keys} = ? WHERE {kinds} = 'domain' AND {keys} = ?"  # noqa: S608
        db.execute(sql, (new, old))
