"""Resource policies of keypairs, users and projects in GraphQL."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from atoll_cluster import clock
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import (
    EntityType,
    Resolvers,
    creation,
    deletion,
    equal,
    listing,
    modification,
    own_fields,
)
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.inputs import Props, Refused, one_of, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.store.policies import ProjectResourcePolicy, UserResourcePolicy
from atoll_cluster.store.records import KeyPairResourcePolicy
from atoll_cluster.store.rows import Record


def _policy_fields(_: Context, policy: attrs.AttrsInstance) -> Fields:
    return own_fields(policy) | {"id": getattr(policy, "name", "")}


KEYPAIR_POLICY = EntityType(
    label="keypair resource policy",
    payload="resource_policy",
    table=lambda ctx: ctx.store.tables.keypair_policies,
    fields=_policy_fields,
    order="name",
)
USER_POLICY = EntityType(
    label="user resource policy",
    payload="resource_policy",
    table=lambda ctx: ctx.store.tables.user_policies,
    fields=_policy_fields,
    order="name",
)
PROJECT_POLICY = EntityType(
    label="project resource policy",
    payload="resource_policy",
    table=lambda ctx: ctx.store.tables.project_policies,
    fields=_policy_fields,
    order="name",
)


def _own_keypair_policy(ctx: Context) -> str:
    return ctx.caller.keypair.resource_policy


def _own_user_policy(ctx: Context) -> str:
    return ctx.caller.user.resource_policy


def _scope(own: Callable[[Context], str]) -> Callable[[Context, Mapping[str, Any]], list[Clause]]:
    """Create the conditions: superadmins see all policies, other users their own."""

    def scope(ctx: Context, _: Mapping[str, Any]) -> list[Clause]:
        return [] if ctx.caller.is_superadmin else equal({"name": own(ctx)}, name="name")

    return scope


def _project_scope(ctx: Context, _: Mapping[str, Any]) -> list[Clause]:
    if not (ctx.caller.is_superadmin or ctx.caller.is_domain_admin):
        raise forbidden("only admins can list the policies of projects")
    return []


def _single(
    entity: EntityType[Record], own: Callable[[Context], str]
) -> Callable[..., Fields | None]:
    """Create the resolver of one policy by its name; without a name, the caller's own policy."""

    def resolve(_: Any, info: Info, name: str | None = None) -> Fields | None:
        ctx = info.context
        found = entity.table(ctx).get(name or own(ctx))
        return entity.fields(ctx, found) if found else None

    return resolve


def _building(record: type[Any]) -> Callable[[Context, str, Props], Any]:
    def build(_: Context, name: str, props: Props) -> Any:
        return record(name=name, created_at=clock.now(), **_read(record, props))

    return build


def _changing(record: type[Any]) -> Callable[[Context, Any, Props], Props]:
    def change(_: Context, __: Any, props: Props) -> Props:
        return _read(record, props)

    return change


def _read(record: type[attrs.AttrsInstance], props: Props) -> Props:
    changes = read_props(record, props)
    if unspecified := changes.get("default_for_unspecified"):
        one_of("default_for_unspecified", unspecified, ("UNLIMITED", "LIMITED"))
    return changes


def _unused(kind: str, table: str, column: str) -> Callable[[Context, Any], None]:
    """Create the function that raises Refused if a policy is in use."""

    def check(ctx: Context, policy: Any) -> None:
        sql = f"SELECT count(*) FROM {table} WHERE {column} = ?"  # noqa: S608 - our own names
        if count := ctx.store.db.value(sql, (policy.name,)):
            raise Refused(f"{kind} resource policy {policy.name!r} is in use ({table}: {count})")

    return check


def _mutations(
    entity: EntityType[Any], record: type[Any], check: Callable[[Context, Any], None]
) -> dict[str, Mutation]:
    name = entity.label.replace(" ", "_")
    return {
        f"create_{name}": Mutation(creation(entity, _building(record))),
        f"modify_{name}": Mutation(modification(entity, _changing(record))),
        f"delete_{name}": Mutation(deletion(entity, check)),
    }


QUERIES: Resolvers = {
    "keypair_resource_policy": _single(KEYPAIR_POLICY, _own_keypair_policy),
    "keypair_resource_policies": listing(KEYPAIR_POLICY, _scope(_own_keypair_policy)),
    "user_resource_policy": _single(USER_POLICY, _own_user_policy),
    "user_resource_policies": listing(USER_POLICY, _scope(_own_user_policy)),
    "project_resource_policy": _single(PROJECT_POLICY, lambda _: "default"),
    "project_resource_policies": listing(PROJECT_POLICY, _project_scope),
}
MUTATIONS = {
    **_mutations(
        KEYPAIR_POLICY, KeyPairResourcePolicy, _unused("keypair", "keypairs", "resource_policy")
    ),
    **_mutations(USER_POLICY, UserResourcePolicy, _unused("user", "users", "resource_policy")),
    **_mutations(
        PROJECT_POLICY, ProjectResourcePolicy, _unused("project", "groups", "resource_policy")
    ),
}
