"""Delete rows together with all rows that refer to them, according to the schema."""

from collections.abc import Iterator, Sequence

from atoll_cluster.store.database import Database

# S608 below: the statements contain only names of this program and of SQLite's own catalogue.


def erase(db: Database, table: str, where: str, parameters: Sequence[object]) -> None:
    """Delete rows for a WHERE clause of this program, with bound values.

    Rows of other tables that refer to them, directly or indirectly, are deleted first.
    """
    to_delete = [(table, where)]
    for one, which in to_delete:  # The loop appends to this list.
        for other, column, key in _references(db, one):
            to_delete.append((other, f"{column} IN (SELECT {key} FROM {one} WHERE {which})"))  # noqa: S608
    with db.transaction():
        for one, which in reversed(to_delete):
            db.execute(f"DELETE FROM {one} WHERE {which}", parameters)  # noqa: S608


def _references(db: Database, table: str) -> Iterator[tuple[str, str, str]]:
    """Yield the references of other tables to this one: table, its column, the column here."""
    tables = db.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name != ?", (table,))
    for row in tables:
        for reference in db.rows(f"PRAGMA foreign_key_list({row['name']})"):
            if reference["table"] == table:
                yield row["name"], reference["from"], reference["to"]
