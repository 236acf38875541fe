"""What is kept under the key of a domain, a group or a keypair without a reference to it.

It must go with its owner, or the next of that name would inherit it, and follow to a new name.
"""

from typing import Literal

from atoll_local.store.database import Database

Owner = Literal["domain", "group", "keypair"]

_PLACES = (("scaling_group_access", "kind", "whom"), ("dotfiles", "scope", "owner"))
"""Tables, the columns that tell the kind of the owner, and those that have its key."""

# S608 below: only the names above, and those of SQLite's own catalogue, are put into statements.


def discard(db: Database, kind: Owner, key: str) -> None:
    """Delete what belongs to an owner that is deleted."""
    for table, kinds, keys in _PLACES:
        db.execute(f"DELETE FROM {table} WHERE {kinds} = ? AND {keys} = ?", (kind, key))  # noqa: S608


def rename_domain(db: Database, old: str, new: str) -> None:
    """Take everything that is in a domain, or belongs to it, along to its new name."""
    tables = db.rows(
        "SELECT found.name FROM sqlite_master AS found, pragma_table_info(found.name) AS columns "
        "WHERE found.type = 'table' AND columns.name = 'domain_name'"
    )
    for row in tables:
        sql = f"UPDATE {row['name']} SET domain_name = ? WHERE domain_name = ?"  # noqa: S608
        db.execute(sql, (new, old))
    for table, kinds, keys in _PLACES:
        sql = f"UPDATE {table} SET {keys} = ? WHERE {kinds} = 'domain' AND {keys} = ?"  # noqa: S608
        db.execute(sql, (new, old))
