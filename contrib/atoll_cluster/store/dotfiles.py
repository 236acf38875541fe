"""Dotfiles: small files of a keypair, a group or a domain, copied into every new session."""

from typing import Literal

from attrs import frozen

from atoll_cluster.store.database import Database
from atoll_cluster.store.records import Session

Scope = Literal["keypair", "group", "domain"]


@frozen
class Dotfile:
    """A file for the home folder; `permission` is three octal digits."""

    path: str
    permission: str
    data: str


@frozen
class Dotfiles:
    """Reads and writes dotfiles, and the bootstrap scripts of keypairs."""

    db: Database

    def of(self, scope: Scope, owner: str) -> list[Dotfile]:
        """Return the dotfiles of a keypair, a group or a domain, ordered by path."""
        rows = self.db.rows(
            "SELECT path, permission, data FROM dotfiles WHERE scope = ? AND owner = ? "
            "ORDER BY path",
            (scope, owner),
        )
        return [Dotfile(row["path"], row["permission"], row["data"]) for row in rows]

    def put(self, scope: Scope, owner: str, dotfile: Dotfile) -> None:
        """Write a dotfile; this replaces one with the same path."""
        self.db.execute(
            "INSERT OR REPLACE INTO dotfiles VALUES (?, ?, ?, ?, ?)",
            (scope, owner, dotfile.path, dotfile.permission, dotfile.data),
        )

    def delete(self, scope: Scope, owner: str, path: str) -> bool:
        """Delete a dotfile; returns whether it existed."""
        found = self.db.execute(
            "DELETE FROM dotfiles WHERE scope = ? AND owner = ? AND path = ?", (scope, owner, path)
        )
        return found > 0

    def for_session(self, session: Session) -> list[Dotfile]:
        """Return the dotfiles of a new session.

        For the same path, a dotfile of the keypair replaces that of the group, and a dotfile of
        the group replaces that of the domain.
        """
        found = {
            dotfile.path: dotfile
            for scoped in (
                self.of("domain", session.domain_name),
                self.of("group", session.group_id),
                self.of("keypair", session.access_key),
            )
            for dotfile in scoped
        }
        return list(found.values())

    def bootstrap_script(self, access_key: str) -> str | None:
        """Return the script that sessions of a keypair run first, None if there is none."""
        found = self.db.value(
            "SELECT script FROM bootstrap_scripts WHERE access_key = ?", (access_key,)
        )
        return found if isinstance(found, str) else None

    def set_bootstrap_script(self, access_key: str, script: str) -> None:
        """Write the bootstrap script of a keypair; an empty text deletes it."""
        with self.db.transaction():
            self.db.execute("DELETE FROM bootstrap_scripts WHERE access_key = ?", (access_key,))
            if script:
                self.db.execute("INSERT INTO bootstrap_scripts VALUES (?, ?)", (access_key, script))
