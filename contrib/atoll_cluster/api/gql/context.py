"""The context of resolvers: the caller, the cluster, and the limits of what the caller sees."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from graphql import GraphQLResolveInfo

from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.request.access import Caller, on_behalf_of
from atoll_cluster.api.request.background import BackgroundTasks
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.cluster import Cluster
from atoll_cluster.store.records import Group, KernelRow, Session, User
from atoll_cluster.store.store import Store

Fields = dict[str, Any]
"""The fields of a GraphQL object: values, or functions that are called if a query needs them."""


@frozen
class Context:
    """The context of one GraphQL request."""

    caller: Caller
    cluster: Cluster
    background: BackgroundTasks
    _users: dict[str, User | None] = field(factory=dict)
    _groups: dict[str, Group | None] = field(factory=dict)
    _kernels: dict[str, list[KernelRow]] = field(factory=dict)

    @property
    def store(self) -> Store:
        """The store."""
        return self.cluster.store

    def user(self, uuid: str) -> User | None:
        """Find a user; cached for the request."""
        if uuid not in self._users:
            self._users[uuid] = self.store.accounts.user(uuid)
        return self._users[uuid]

    def group(self, group_id: str) -> Group | None:
        """Find a group; cached for the request."""
        if group_id not in self._groups:
            self._groups[group_id] = self.store.accounts.group(group_id)
        return self._groups[group_id]

    def remember_kernels(self, sessions: Sequence[Session]) -> None:
        """Load the kernels of many sessions at once."""
        self._kernels.update(self.store.kernels.of_many([session.id for session in sessions]))

    def kernels(self, session: Session) -> list[KernelRow]:
        """Return the kernels of a session, the main one first."""
        if session.id not in self._kernels:
            self.remember_kernels([session])
        return self._kernels[session.id]

    def require_superadmin(self) -> None:
        """Raise Problem 403 if the caller is not a superadmin."""
        if not self.caller.is_superadmin:
            raise forbidden("superadmin privilege required")

    def domain_for(self, asked: str | None) -> str | None:
        """Return the domain for a query, None for all domains; raises Problem 403."""
        if self.caller.is_superadmin:
            return asked
        own = self.caller.user.domain_name
        if asked not in {None, own}:
            raise forbidden("only superadmins can see other domains")
        return own

    def acting_for(self, access_key: str | None) -> Caller:
        """Return the owner of an access key; raises Problem if the caller may not act for it."""
        return on_behalf_of(self.caller, self.store.accounts, access_key)

    def session_scope(self, domain: str | None, access_key: str | None) -> list[Clause]:
        """Return the conditions for the sessions that the caller may see."""
        caller = self.caller
        if access_key is not None:
            self.acting_for(access_key)
        if domain not in {None, caller.user.domain_name} and not caller.is_superadmin:
            raise forbidden("Only superadmins can see other domains")
        if not caller.is_superadmin:
            domain = caller.user.domain_name
        # With the plus sign, SQLite uses the index with the order of the list. That of the
        # keypair would be slow, because one keypair may have most of the sessions.
        scope = [
            Clause("sessions.domain_name = ?", (domain,)) if domain else None,
            Clause("+sessions.access_key = ?", (access_key,)) if access_key else None,
        ]
        if not (caller.is_superadmin or caller.is_domain_admin):
            scope.append(Clause("sessions.user_uuid = ?", (caller.user.uuid,)))
        return [clause for clause in scope if clause]


if TYPE_CHECKING:
    Info = GraphQLResolveInfo[Context]
else:
    Info = GraphQLResolveInfo  # In some releases it is not generic at run time.


def together(clauses: list[Clause]) -> Clause:
    """Join conditions with AND."""
    values = tuple(value for clause in clauses for value in clause.values)
    return Clause(" AND ".join(f"({clause.sql})" for clause in clauses) or "1", values)


def as_json(value: Mapping[str, Any] | list[Any] | None) -> str | None:
    """Return a value as a JSONString: a text that contains JSON."""
    return None if value is None else json.dumps(value)
