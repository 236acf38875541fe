"""Keypairs in GraphQL; they sign requests, and have a resource policy."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from atoll_cluster.api.gql.columns import KEYPAIRS
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import (
    EntityType,
    Resolvers,
    deletion,
    equal,
    listing,
    modification,
    own_fields,
    paging,
)
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.inputs import Props, Refused, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.sessions import select, session_fields, status_clause
from atoll_cluster.api.gql.users import require_superadmin
from atoll_cluster.api.gql.vfolders import vfolder_fields
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.credentials import new_keypair
from atoll_cluster.store.owned_rows import delete_owned
from atoll_cluster.store.records import KeyPair


def keypair_fields(ctx: Context, keypair: KeyPair) -> Fields:
    """Return `KeyPair`."""
    owner = ctx.user(keypair.user)
    email = owner.email if owner else None
    full_name = owner.full_name if owner else None
    return own_fields(keypair) | {
        "id": keypair.access_key,
        "user_id": email,
        "full_name": full_name,
        "user_info": {"email": email, "full_name": full_name},
        "rolling_count": 0,
        "projects": lambda _: [one.name for one in ctx.store.accounts.groups(keypair.user)],
        "vfolders": lambda _: [
            vfolder_fields(ctx, one)
            for one in ctx.store.folders.select("user = ?", (keypair.user,))
        ],
        "compute_sessions": lambda _, status=None: _sessions_of(ctx, keypair, status),
        "concurrency_used": lambda _: ctx.store.sessions.count_active(keypair.access_key),
        "concurrency_limit": lambda _: _concurrency(ctx, keypair),
    }


def _sessions_of(ctx: Context, keypair: KeyPair, status: str | None) -> list[Fields]:
    scope = [Clause("sessions.access_key = ?", (keypair.access_key,))]
    if status:
        scope.append(status_clause(status))
    return [session_fields(ctx, one) for one in select(ctx, scope, 1000, 0)[0]]


def _concurrency(ctx: Context, keypair: KeyPair) -> int:
    policy = ctx.store.accounts.policy(keypair.resource_policy)
    return policy.max_concurrent_sessions if policy else 0


KEYPAIR = EntityType(
    label="keypair",
    payload="keypair",
    table=lambda ctx: ctx.store.tables.keypairs,
    fields=keypair_fields,
    columns=KEYPAIRS,
    order="keypairs.created_at, keypairs.access_key",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions: superadmins see all, domain admins their domain's, others own ones."""
    caller = ctx.caller
    domain, email = ctx.domain_for(args.get("domain_name")), args.get("email")
    if not (caller.is_superadmin or caller.is_domain_admin):
        if email not in {None, caller.user.email}:
            raise forbidden("only admins can see the keypairs of others")
        email = caller.user.email
    scope = equal(
        {**args, "email": email}, email="keypairs.user_id", is_active="keypairs.is_active"
    )
    if domain:
        theirs = "keypairs.user IN (SELECT uuid FROM users WHERE domain_name = ?)"
        scope.append(Clause(theirs, (domain,)))
    if caller.is_domain_admin:
        # With the secret key of a superadmin, a domain admin could act as superadmin.
        above = "keypairs.user NOT IN (SELECT uuid FROM users WHERE role = 'superadmin')"
        scope.append(Clause(above))
    return scope


def keypair(_: Any, info: Info, access_key: str | None = None, **__: Any) -> Fields | None:
    """Resolve `keypair`; without an argument, the caller's own."""
    ctx = info.context
    if ctx.caller.is_superadmin and access_key and not ctx.store.accounts.keypair(access_key):
        return None
    return keypair_fields(ctx, ctx.acting_for(access_key).keypair)


def _create(ctx: Context, user_id: str, props: Props) -> Fields:
    owner = ctx.store.accounts.user_by_email(user_id) or ctx.store.accounts.user(user_id)
    if owner is None:
        raise Refused(f"no matching user: {user_id}")
    made = evolve(new_keypair(owner), **_read(ctx, props))
    KEYPAIR.table(ctx).add(made)
    return {"keypair": keypair_fields(ctx, made)}


def _change(ctx: Context, _: KeyPair, props: Props) -> Props:
    return _read(ctx, props)


def _read(ctx: Context, props: Props) -> Props:
    changes = read_props(KeyPair, props)
    policy = changes.get("resource_policy")
    if policy is not None and ctx.store.accounts.policy(policy) is None:
        raise Refused(f"there is no keypair resource policy {policy!r}")
    return changes


def _modify(ctx: Context, access_key: str, props: Props) -> Fields:
    answer = modification(KEYPAIR, _change)(ctx, props, access_key=access_key)
    require_superadmin(ctx)
    return answer


def _prepare_deletion(ctx: Context, keypair: KeyPair) -> None:
    """Delete the rows that belong to a keypair; raises Refused if the keypair is still needed."""
    owner = ctx.user(keypair.user)
    if owner and owner.main_access_key == keypair.access_key:
        raise Refused(f"{keypair.access_key} is the main access key of {owner.email}")
    count = ctx.store.sessions.count("access_key = ?", (keypair.access_key,))
    if count:
        raise Refused(
            f"{count} sessions of {keypair.access_key} are on record; deactivate it instead"
        )
    delete_owned(ctx.store.db, "keypair", keypair.access_key)


QUERIES: Resolvers = {
    "keypair": keypair,
    "keypairs": listing(KEYPAIR, _scope),
    "keypair_list": paging(KEYPAIR, _scope),
}
MUTATIONS = {
    "create_keypair": Mutation(_create),
    "modify_keypair": Mutation(_modify),
    "delete_keypair": Mutation(deletion(KEYPAIR, _prepare_deletion)),
}
