"""Limits of the folders of users and groups, computed from all of their policies."""

from collections.abc import Iterable, Mapping

from attrs import frozen

from atoll_cluster.store.policies import HostPermissions
from atoll_cluster.store.records import Group, KeyPair, User
from atoll_cluster.store.store import Store


@frozen
class Limit:
    """A limit and the policy that sets it; 0 means no limit."""

    amount: int = 0
    policy: str = ""

    def exceeded_by(self, amount: int) -> bool:
        """Return whether an amount exceeds the limit."""
        return 0 < self.amount < amount


@frozen(kw_only=True)
class FolderLimits:
    """The limits of the folders of a user or a group."""

    count: Limit
    folder_size: Limit
    """The limit in bytes for one folder."""
    scope_size: Limit
    """The limit in bytes for the sum of all folders of the user or the group."""
    hosts: Mapping[str, frozenset[str]]
    """The permissions on each host, as names from HOST_PERMISSIONS."""


def folder_limits(
    store: Store, user: User, keypair: KeyPair, group: Group | None = None
) -> FolderLimits:
    """Return the limits for a user, or for a group if one is given.

    If several policies set a limit, the smallest applies. A permission on a host applies if the
    domain, the policy of the keypair or a group of the user gives it.
    """
    tables = store.tables
    key = tables.keypair_policies.get(keypair.resource_policy)
    policies: dict[str, object | None] = {
        "user policy": tables.user_policies.get(user.resource_policy),
        "keypair policy": key,
    }
    if group:
        policies = {"project policy": tables.project_policies.get(group.resource_policy)}
    return FolderLimits(
        count=_smallest(policies, "max_vfolder_count"),
        folder_size=_smallest(policies, "max_vfolder_size"),
        scope_size=_smallest(policies, "max_quota_scope_size"),
        hosts=_hosts(store, user, key.allowed_vfolder_hosts if key else {}, group),
    )


def _smallest(policies: Mapping[str, object | None], name: str) -> Limit:
    limits = [
        Limit(getattr(policy, name), f"{kind} {getattr(policy, 'name', '')!r}")
        for kind, policy in policies.items()
        if policy
    ]
    positive = [limit for limit in limits if limit.amount > 0]
    return min(positive, key=lambda limit: limit.amount, default=Limit())


def _hosts(
    store: Store, user: User, of_keypair: HostPermissions, group: Group | None
) -> dict[str, frozenset[str]]:
    domain = store.accounts.domain(user.domain_name)
    groups = [group] if group else store.accounts.groups(user.uuid)
    allowed: Iterable[HostPermissions] = (
        domain.allowed_vfolder_hosts if domain else {},
        of_keypair,
        *(one.allowed_vfolder_hosts for one in groups),
    )
    hosts: dict[str, frozenset[str]] = {}
    for source in allowed:
        for host, permissions in source.items():
            hosts[host] = hosts.get(host, frozenset()) | frozenset(permissions)
    return hosts
