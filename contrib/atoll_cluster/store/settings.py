"""The settings of the cluster; each key is a path like `manager/status`, as in etcd."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from atoll_cluster.store.database import Database

_UPSERT = """
INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value
"""
_BENEATH = "key = :key OR substr(key, 1, length(:key) + 1) = :key || '/'"


@frozen
class Settings:
    """Reads and writes the settings; keys have no slash at either end."""

    db: Database

    def get(self, key: str) -> str | None:
        """Return the value of a key."""
        found = self.db.value("SELECT value FROM settings WHERE key = ?", (key,))
        return found if isinstance(found, str) else None

    def tree(self, prefix: str) -> dict[str, Any]:
        """Return the values at and below a key as a tree.

        If a key has both a value and keys below it, the value is under ``""``.
        """
        where = _BENEATH if prefix else "1"
        rows = self.db.rows(f"SELECT key, value FROM settings WHERE {where}", {"key": prefix})  # noqa: S608 - our own conditions
        tree: dict[str, Any] = {}
        for row in rows:
            rest = row["key"].removeprefix(prefix).strip("/")
            _plant(tree, rest.split("/") if rest else [""], row["value"])
        return tree

    def set(self, key: str, value: str | Mapping[str, Any]) -> None:
        """Store the value of a key; a map sets the keys below it."""
        if isinstance(value, str):
            self.db.execute(_UPSERT, (key, value))
            return
        with self.db.transaction():
            for name, inner in value.items():
                self.set(f"{key}/{name}".strip("/"), inner)

    def delete(self, key: str, *, beneath: bool = False) -> None:
        """Delete a key and, on request, all keys below it."""
        where = _BENEATH if beneath else "key = :key"
        self.db.execute(f"DELETE FROM settings WHERE {where}", {"key": key})  # noqa: S608 - our own conditions


def _plant(tree: dict[str, Any], names: list[str], value: str) -> None:
    """Put a value into a tree; a value on the path becomes the entry ``""`` of a new map."""
    *above, last = names
    for name in above:
        branch = tree.get(name)
        if not isinstance(branch, dict):
            branch = tree[name] = {} if branch is None else {"": branch}
        tree = branch
    here = tree.get(last)
    if isinstance(here, dict):
        here[""] = value
    else:
        tree[last] = value
