"""Users, keypairs, domains, groups and policies: who may use the cluster, and how much of it."""

from collections.abc import Sequence

from attrs import frozen

from atoll_local import clock
from atoll_local.store.database import Database
from atoll_local.store.records import Domain, Group, KeyPair, KeyPairResourcePolicy, User
from atoll_local.store.rows import columns, from_row, insertion

# S608 below: only column names of our own records are put into the statements; values are bound.


@frozen
class Accounts:
    """Reads and writes of everything that has to do with people."""

    db: Database

    def add(self, record: Domain | Group | User | KeyPair | KeyPairResourcePolicy) -> None:
        """Insert `record` into its table; raises sqlite3.IntegrityError if its key is taken."""
        self.db.execute(*insertion(_TABLES[type(record)], record))

    def add_member(self, group_id: str, user_uuid: str) -> None:
        """Make the user a member of the group."""
        self.db.execute("INSERT OR IGNORE INTO group_members VALUES (?, ?)", (group_id, user_uuid))

    def keypair(self, access_key: str) -> KeyPair | None:
        """Find a keypair by its access key."""
        row = self.db.row(
            f"SELECT {columns(KeyPair)} FROM keypairs WHERE access_key = ?",  # noqa: S608
            (access_key,),
        )
        return from_row(KeyPair, row) if row else None

    def select_keypairs(
        self, where: str, parameters: Sequence[object], order: str
    ) -> list[KeyPair]:
        """Return the keypairs for a WHERE clause written in this program, values bound."""
        rows = self.db.rows(
            f"SELECT {columns(KeyPair)} FROM keypairs WHERE {where} ORDER BY {order}",  # noqa: S608
            parameters,
        )
        return [from_row(KeyPair, row) for row in rows]

    def select_users(self, where: str, parameters: Sequence[object], order: str) -> list[User]:
        """Return the users for a WHERE clause written in this program, values bound."""
        rows = self.db.rows(
            f"SELECT {columns(User)} FROM users WHERE {where} ORDER BY {order}",  # noqa: S608
            parameters,
        )
        return [from_row(User, row) for row in rows]

    def touch(self, access_key: str) -> None:
        """Count a request of the keypair."""
        self.db.execute(
            "UPDATE keypairs SET num_queries = num_queries + 1, last_used = ? WHERE access_key = ?",
            (clock.now(), access_key),
        )

    def user(self, uuid: str) -> User | None:
        """Find a user by id."""
        return self._user("uuid", uuid)

    def user_by_email(self, email: str) -> User | None:
        """Find a user by mail address."""
        return self._user("email", email)

    def _user(self, column: str, value: str) -> User | None:
        row = self.db.row(
            f"SELECT {columns(User)} FROM users WHERE {column} = ?",  # noqa: S608
            (value,),
        )
        return from_row(User, row) if row else None

    def domain(self, name: str) -> Domain | None:
        """Find a domain."""
        row = self.db.row(
            f"SELECT {columns(Domain)} FROM domains WHERE name = ?",  # noqa: S608
            (name,),
        )
        return from_row(Domain, row) if row else None

    def domains(self) -> list[Domain]:
        """Return every domain."""
        rows = self.db.rows(f"SELECT {columns(Domain)} FROM domains ORDER BY name")  # noqa: S608
        return [from_row(Domain, row) for row in rows]

    def group(self, group_id: str) -> Group | None:
        """Find a group by id."""
        row = self.db.row(
            f"SELECT {columns(Group)} FROM groups WHERE id = ?",  # noqa: S608
            (group_id,),
        )
        return from_row(Group, row) if row else None

    def group_by_name(self, name: str, domain: str) -> Group | None:
        """Find a group by name or id within a domain."""
        row = self.db.row(
            f"SELECT {columns(Group)} FROM groups "  # noqa: S608
            "WHERE (name = :name OR id = :name) AND domain_name = :domain",
            {"name": name, "domain": domain},
        )
        return from_row(Group, row) if row else None

    def groups(self, member: str | None = None) -> list[Group]:
        """Return the groups that a user is a member of, or all."""
        rows = self.db.rows(
            f"SELECT {columns(Group)} FROM groups WHERE :member IS NULL "  # noqa: S608
            "OR id IN (SELECT group_id FROM group_members WHERE user_uuid = :member) ORDER BY name",
            {"member": member},
        )
        return [from_row(Group, row) for row in rows]

    def is_member(self, group_id: str, user_uuid: str) -> bool:
        """Say whether the user is a member of the group."""
        found = self.db.row(
            "SELECT 1 FROM group_members WHERE group_id = ? AND user_uuid = ?",
            (group_id, user_uuid),
        )
        return found is not None

    def policy(self, name: str) -> KeyPairResourcePolicy | None:
        """Find a keypair resource policy."""
        return next((policy for policy in self.policies() if policy.name == name), None)

    def policies(self) -> Sequence[KeyPairResourcePolicy]:
        """Return every keypair resource policy."""
        rows = self.db.rows(
            f"SELECT {columns(KeyPairResourcePolicy)} "  # noqa: S608
            "FROM keypair_resource_policies ORDER BY name"
        )
        return [from_row(KeyPairResourcePolicy, row) for row in rows]


_TABLES: dict[type, str] = {
    Domain: "domains",
    Group: "groups",
    User: "users",
    KeyPair: "keypairs",
    KeyPairResourcePolicy: "keypair_resource_policies",
}
