"""Queries about users, keypairs, domains, groups and keypair resource policies."""

from collections.abc import Sequence

from attrs import frozen

from atoll_cluster.store.administration import Tables
from atoll_cluster.store.database import Database
from atoll_cluster.store.records import Domain, Group, KeyPair, KeyPairResourcePolicy, User


@frozen
class Accounts:
    """Frequent queries about accounts."""

    db: Database
    tables: Tables

    def keypair(self, access_key: str) -> KeyPair | None:
        """Find a keypair by its access key."""
        return self.tables.keypairs.get(access_key)

    def keypairs_of(self, user_uuid: str) -> list[KeyPair]:
        """Return the keypairs of a user, the oldest first."""
        return self.tables.keypairs.select("user = ?", (user_uuid,), "created_at, access_key")

    def user(self, uuid: str) -> User | None:
        """Find a user by id."""
        return self.tables.users.get(uuid)

    def user_by_email(self, email: str) -> User | None:
        """Find a user by mail address."""
        return self.tables.users.find(email=email)

    def domain(self, name: str) -> Domain | None:
        """Find a domain."""
        return self.tables.domains.get(name)

    def group(self, group_id: str) -> Group | None:
        """Find a group by id."""
        return self.tables.groups.get(group_id)

    def group_by_name(self, name: str, domain: str) -> Group | None:
        """Find a group by name or id within a domain."""
        where = "(name = ? OR id = ?) AND domain_name = ?"
        found = self.tables.groups.select(where, (name, name, domain))
        return found[0] if found else None

    def groups(self, member: str | None = None) -> list[Group]:
        """Return the groups that a user is a member of, or all."""
        mine = "id IN (SELECT group_id FROM group_members WHERE user_uuid = ?)"
        where, values = (mine, (member,)) if member else ("1", ())
        return self.tables.groups.select(where, values, "name")

    def add_member(self, group_id: str, user_uuid: str) -> None:
        """Add the user to the group."""
        self.tables.groups.counts.clear()
        self.db.execute("INSERT OR IGNORE INTO group_members VALUES (?, ?)", (group_id, user_uuid))

    def remove_member(self, group_id: str, user_uuid: str) -> None:
        """Remove the user from the group."""
        self.tables.groups.counts.clear()
        self.db.execute(
            "DELETE FROM group_members WHERE group_id = ? AND user_uuid = ?", (group_id, user_uuid)
        )

    def is_member(self, group_id: str, user_uuid: str) -> bool:
        """Return whether the user is a member of the group."""
        found = self.db.row(
            "SELECT 1 FROM group_members WHERE group_id = ? AND user_uuid = ?",
            (group_id, user_uuid),
        )
        return found is not None

    def policy(self, name: str) -> KeyPairResourcePolicy | None:
        """Find a keypair resource policy."""
        return self.tables.keypair_policies.get(name)

    def policies(self) -> Sequence[KeyPairResourcePolicy]:
        """Return every keypair resource policy."""
        return self.tables.keypair_policies.select()
