"""Users, keypairs, groups, domains and policies, as GraphQL shows them."""

from typing import Any

from atoll_local.api.gql.columns import KEYPAIRS, USERS
from atoll_local.api.gql.context import Context, Fields, Info, as_json, together
from atoll_local.api.gql.filters import Clause, compile_filter
from atoll_local.api.gql.orders import compile_order
from atoll_local.api.gql.sessions import select, session_fields, status_clause
from atoll_local.api.problems import forbidden, not_found
from atoll_local.store.records import Domain, Group, KeyPair, KeyPairResourcePolicy, User


def keypair(_: Any, info: Info, access_key: str | None = None, **__: Any) -> Fields:
    """Resolve `keypair`; without an argument the caller's own."""
    ctx = info.context
    return keypair_fields(ctx, ctx.acting_for(access_key).keypair)


def keypairs(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `keypairs`: of one user, or of all for superadmins."""
    ctx = info.context
    return [keypair_fields(ctx, one) for one in _keypairs(ctx, args, "", "")]


def keypair_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `keypair_list`."""
    ctx = info.context
    found = _keypairs(ctx, args, args.get("filter") or "", args.get("order") or "")
    page = found[max(offset, 0) :][: max(limit, 0)]
    return {"items": [keypair_fields(ctx, one) for one in page], "total_count": len(found)}


def _keypairs(ctx: Context, args: dict[str, Any], filter_: str, order: str) -> list[KeyPair]:
    scope = [compile_filter(filter_, KEYPAIRS)]
    email = args.get("email")
    if not ctx.caller.is_superadmin:
        if email not in {None, ctx.caller.user.email}:
            raise forbidden("Only superadmins may look at the keypairs of others")
        email = ctx.caller.user.email
    if email:
        scope.append(Clause(f"{KEYPAIRS['email'].sql} = ?", (email,)))
    if args.get("is_active") is not None:
        scope.append(Clause("keypairs.is_active = ?", (int(args["is_active"]),)))
    where = together(scope)
    sorting = compile_order(order, KEYPAIRS, default="keypairs.created_at, keypairs.access_key")
    return ctx.store.accounts.select_keypairs(where.sql, where.values, sorting)


def user(_: Any, info: Info, email: str | None = None, **__: Any) -> Fields | None:
    """Resolve `user`; without an argument the caller."""
    ctx = info.context
    found = ctx.store.accounts.user_by_email(email) if email else ctx.caller.user
    return _user_or_none(ctx, found)


def user_from_uuid(_: Any, info: Info, user_id: str | None = None, **__: Any) -> Fields | None:
    """Resolve `user_from_uuid`; without an argument the caller."""
    ctx = info.context
    return _user_or_none(ctx, ctx.user(user_id) if user_id else ctx.caller.user)


def _user_or_none(ctx: Context, found: User | None) -> Fields | None:
    if found is None:
        return None
    if found != ctx.caller.user and not ctx.caller.is_superadmin:
        raise forbidden("Only superadmins may look at other users")
    return user_fields(ctx, found)


def users(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `users`; not for plain users."""
    ctx = info.context
    return [user_fields(ctx, one) for one in _users(ctx, args)]


def user_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `user_list`; not for plain users."""
    ctx = info.context
    found = _users(ctx, args)
    page = found[max(offset, 0) :][: max(limit, 0)]
    return {"items": [user_fields(ctx, one) for one in page], "total_count": len(found)}


def _users(ctx: Context, args: dict[str, Any]) -> list[User]:
    ctx.require_superadmin()
    scope = [compile_filter(args.get("filter") or "", USERS)]
    if args.get("is_active") is not None:
        scope.append(Clause("users.is_active = ?", (int(args["is_active"]),)))
    for name, column in (("status", "status"), ("domain_name", "domain_name")):
        if args.get(name):
            scope.append(Clause(f"users.{column} = ?", (args[name],)))
    if args.get("group_id"):
        member = "users.uuid IN (SELECT user_uuid FROM group_members WHERE group_id = ?)"
        scope.append(Clause(member, (str(args["group_id"]),)))
    where = together(scope)
    order = compile_order(args.get("order") or "", USERS, default="users.created_at, users.email")
    return ctx.store.accounts.select_users(where.sql, where.values, order)


def domain(_: Any, info: Info, name: str | None = None) -> Fields | None:
    """Resolve `domain`; others than the own one are for superadmins."""
    ctx = info.context
    wanted = name or ctx.caller.user.domain_name
    if wanted != ctx.caller.user.domain_name:
        ctx.require_superadmin()
    found = ctx.store.accounts.domain(wanted)
    return domain_fields(found) if found else None


def domains(_: Any, info: Info, is_active: bool | None = None) -> list[Fields]:
    """Resolve `domains`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    found = ctx.store.accounts.domains()
    return [domain_fields(one) for one in found if is_active in {None, one.is_active}]


def group(_: Any, info: Info, id: str, **__: Any) -> Fields | None:
    """Resolve `group`; plain users see those they are members of."""
    found = [one for one in _groups(info.context) if one.id == str(id)]
    return group_fields(found[0]) if found else None


def groups(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `groups`."""
    active, domain_name = args.get("is_active"), args.get("domain_name")
    return [
        group_fields(one)
        for one in _groups(info.context)
        if active in {None, one.is_active} and domain_name in {None, one.domain_name}
    ]


def groups_by_name(_: Any, info: Info, name: str, **__: Any) -> list[Fields]:
    """Resolve `groups_by_name`."""
    return [group_fields(one) for one in _groups(info.context) if one.name == name]


def _groups(ctx: Context) -> list[Group]:
    return ctx.store.accounts.groups(None if ctx.caller.is_superadmin else ctx.caller.user.uuid)


def keypair_resource_policy(_: Any, info: Info, name: str | None = None) -> Fields:
    """Resolve `keypair_resource_policy`; without an argument the caller's own."""
    ctx = info.context
    wanted = name or ctx.caller.keypair.resource_policy
    found = ctx.store.accounts.policy(wanted)
    if found is None:
        raise not_found("resource policy", f"no keypair resource policy {wanted!r}")
    return policy_fields(found)


def keypair_resource_policies(_: Any, info: Info) -> list[Fields]:
    """Resolve `keypair_resource_policies`: all for superadmins, the own one for others."""
    ctx = info.context
    own = ctx.caller.keypair.resource_policy
    found = ctx.store.accounts.policies()
    return [policy_fields(one) for one in found if ctx.caller.is_superadmin or one.name == own]


def keypair_fields(ctx: Context, keypair: KeyPair) -> Fields:
    """Return `KeyPair`."""
    owner = ctx.user(keypair.user)
    email = owner.email if owner else None
    full_name = owner.full_name if owner else None
    return {
        "id": keypair.access_key,
        "user_id": email,
        "full_name": full_name,
        "access_key": keypair.access_key,
        "secret_key": keypair.secret_key,
        "is_active": keypair.is_active,
        "is_admin": keypair.is_admin,
        "resource_policy": keypair.resource_policy,
        "created_at": keypair.created_at,
        "last_used": keypair.last_used,
        "rate_limit": keypair.rate_limit,
        "num_queries": keypair.num_queries,
        "rolling_count": 0,
        "user": keypair.user,
        "projects": lambda _: [one.name for one in ctx.store.accounts.groups(keypair.user)],
        "ssh_public_key": None,
        "vfolders": [],
        "compute_sessions": lambda _, status=None: _sessions_of(ctx, keypair, status),
        "concurrency_used": lambda _: ctx.store.sessions.count_active(keypair.access_key),
        "concurrency_limit": lambda _: _concurrency(ctx, keypair),
        "user_info": {"email": email, "full_name": full_name},
    }


def _sessions_of(ctx: Context, keypair: KeyPair, status: str | None) -> list[Fields]:
    scope = [Clause("sessions.access_key = ?", (keypair.access_key,))]
    if status:
        scope.append(status_clause(status))
    return [session_fields(ctx, one) for one in select(ctx, scope, 1000, 0)[0]]


def _concurrency(ctx: Context, keypair: KeyPair) -> int:
    policy = ctx.store.accounts.policy(keypair.resource_policy)
    return policy.max_concurrent_sessions if policy else 0


def user_fields(ctx: Context, user: User) -> Fields:
    """Return `User`."""
    return {
        "id": user.uuid,
        "uuid": user.uuid,
        "username": user.username,
        "email": user.email,
        "need_password_change": False,
        "full_name": user.full_name,
        "description": user.description,
        "is_active": user.is_active,
        "status": user.status,
        "status_info": user.status_info,
        "created_at": user.created_at,
        "modified_at": user.modified_at,
        "domain_name": user.domain_name,
        "role": user.role,
        "resource_policy": user.resource_policy,
        "totp_activated": False,
        "sudo_session_enabled": False,
        "main_access_key": user.main_access_key,
        "groups": lambda _: [
            {"id": one.id, "name": one.name} for one in ctx.store.accounts.groups(user.uuid)
        ],
    }


def domain_fields(domain: Domain) -> Fields:
    """Return `Domain`."""
    return {
        "name": domain.name,
        "description": domain.description,
        "is_active": domain.is_active,
        "created_at": domain.created_at,
        "modified_at": domain.modified_at,
        "total_resource_slots": as_json(domain.total_resource_slots),
        "allowed_vfolder_hosts": "{}",
        "allowed_docker_registries": [],
        "integration_id": domain.integration_id,
        "scaling_groups": ["default"],
    }


def group_fields(group: Group) -> Fields:
    """Return `Group`."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "is_active": group.is_active,
        "created_at": group.created_at,
        "modified_at": group.modified_at,
        "domain_name": group.domain_name,
        "total_resource_slots": as_json(group.total_resource_slots),
        "allowed_vfolder_hosts": "{}",
        "integration_id": group.integration_id,
        "resource_policy": group.resource_policy,
        "scaling_groups": ["default"],
        "type": "GENERAL",
        "container_registry": "{}",
    }


def policy_fields(policy: KeyPairResourcePolicy) -> Fields:
    """Return `KeyPairResourcePolicy`."""
    return {
        "name": policy.name,
        "created_at": policy.created_at,
        "default_for_unspecified": policy.default_for_unspecified,
        "total_resource_slots": as_json(policy.total_resource_slots),
        "max_session_lifetime": policy.max_session_lifetime,
        "max_concurrent_sessions": policy.max_concurrent_sessions,
        "max_containers_per_session": policy.max_containers_per_session,
        "idle_timeout": policy.idle_timeout,
        "allowed_vfolder_hosts": "{}",
        "max_concurrent_sftp_sessions": 1,
        "max_vfolder_count": 0,
        "max_vfolder_size": 0,
        "max_quota_scope_size": 0,
    }
