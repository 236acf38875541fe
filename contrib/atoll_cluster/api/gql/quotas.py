"""Quota scopes in GraphQL: limits for all folders of a user or a group together."""

from typing import Any

from atoll_cluster.api.folders.disk import on_disk, place
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import Resolvers
from atoll_cluster.api.gql.inputs import Props, Refused
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.storage.volume import HOST, count


def quota_scope(_: Any, info: Info, storage_host_name: str, quota_scope_id: str) -> Fields:
    """Resolve `quota_scope`, for its user, the members of its group, and superadmins."""
    ctx = info.context
    _check(ctx, storage_host_name, quota_scope_id)
    _, _, owner = quota_scope_id.partition(":")
    user = ctx.caller.user.uuid
    own = owner == user or ctx.store.accounts.is_member(owner, user)
    if not (own or ctx.caller.is_superadmin):
        raise forbidden("only superadmins can see the quotas of others")
    return _fields(ctx, quota_scope_id)


def _fields(ctx: Context, scope_id: str) -> Fields:
    """Return `QuotaScope`; counts the files only if the query needs this."""
    volume, folders = ctx.cluster.storage.volume, ctx.store.folders
    paths = [place(volume, folder) for folder in folders.of_scope(scope_id)]
    return {
        "id": f"QuotaScope:{HOST}/{scope_id}",
        "quota_scope_id": scope_id,
        "storage_host_name": HOST,
        "details": {
            "usage_bytes": lambda _: on_disk(lambda: sum(count(path).size for path in paths)),
            "usage_count": lambda _: on_disk(lambda: sum(count(path).count for path in paths)),
            "hard_limit_bytes": folders.scope_limit(scope_id) or None,
        },
    }


def _set(ctx: Context, storage_host_name: str, quota_scope_id: str, props: Props) -> Fields:
    _check(ctx, storage_host_name, quota_scope_id)
    limit = int(props.get("hard_limit_bytes") or 0)
    if limit < 0:
        raise Refused("a limit must be 0 bytes or more")
    ctx.store.folders.limit_scope(quota_scope_id, limit)
    return {"quota_scope": _fields(ctx, quota_scope_id)}


def _unset(ctx: Context, storage_host_name: str, quota_scope_id: str) -> Fields:
    _check(ctx, storage_host_name, quota_scope_id)
    ctx.store.folders.limit_scope(quota_scope_id, 0)
    return {"quota_scope": _fields(ctx, quota_scope_id)}


def _check(ctx: Context, host: str, scope_id: str) -> None:
    """Raise Refused for an unknown host or owner."""
    kind, _, owner = scope_id.partition(":")
    finders = {"user": ctx.store.accounts.user, "project": ctx.store.accounts.group}
    if host != HOST:
        raise Refused(f"no folder host {host!r}; there is {HOST}")
    if kind not in finders or finders[kind](owner) is None:
        raise Refused(f"no quota scope {scope_id!r}; write user:ID or project:ID")


QUERIES: Resolvers = {"quota_scope": quota_scope}
MUTATIONS = {"set_quota_scope": Mutation(_set), "unset_quota_scope": Mutation(_unset)}
