"""Domains in GraphQL: tenants with users and groups, and limits of their resources."""

from collections.abc import Mapping
from typing import Any

from atoll_cluster import clock
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import (
    EntityType,
    Resolvers,
    creation,
    deletion,
    equal,
    listing,
    own_fields,
)
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.inputs import Props, Refused, named, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.users import refuse_if_living
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.store.access import open_to
from atoll_cluster.store.owned_rows import delete_owned, rename_domain
from atoll_cluster.store.records import Domain


def domain_fields(ctx: Context, domain: Domain) -> Fields:
    """Return `Domain`."""
    return own_fields(domain) | {
        "scaling_groups": lambda _: open_to(ctx.store.db, "domain", domain.name)
    }


DOMAIN = EntityType(
    label="domain",
    payload="domain",
    table=lambda ctx: ctx.store.tables.domains,
    fields=domain_fields,
    order="domains.name",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions for lists of domains, which only superadmins can see."""
    ctx.require_superadmin()
    return equal(args, is_active="domains.is_active")


def domain(_: Any, info: Info, name: str | None = None) -> Fields | None:
    """Resolve `domain`; users who are not superadmins see only their own."""
    ctx = info.context
    own = ctx.caller.user.domain_name
    if name not in {None, own} and not ctx.caller.is_superadmin:
        raise not_found("domain", name)
    found = ctx.store.accounts.domain(name or own)
    return domain_fields(ctx, found) if found else None


def _build(_: Context, name: str, props: Props) -> Domain:
    at = clock.now()
    return Domain(name=name, created_at=at, modified_at=at, **read_props(Domain, props))


def _modify(ctx: Context, name: str, props: Props) -> Fields:
    found = DOMAIN.get(ctx, name)
    changes = read_props(Domain, props)
    new_name = changes.pop("name", name)
    if new_name != name:
        _rename(ctx, found, new_name)
    DOMAIN.table(ctx).update(new_name, {**changes, "modified_at": clock.now()})
    return {"domain": domain_fields(ctx, DOMAIN.get(ctx, new_name))}


def _rename(ctx: Context, domain: Domain, name: str) -> None:
    if ctx.store.accounts.domain(named("domain", name)):
        raise Refused(f"domain {name!r} exists already")
    db = ctx.store.db
    db.execute("PRAGMA defer_foreign_keys = ON")  # Rows with the old name are updated next.
    DOMAIN.table(ctx).update(domain.name, {"name": name})
    rename_domain(db, domain.name, name)
    ctx.store.sessions.forget()


def _delete(ctx: Context, name: str) -> Fields:
    """Deactivate a domain, without deleting it or its content."""
    DOMAIN.get(ctx, name)
    changes = {"is_active": False, "modified_at": clock.now()}
    DOMAIN.table(ctx).update(name, changes)
    return {}


def _prepare_purge(ctx: Context, domain: Domain) -> None:
    """Delete the rows that belong to a domain; raises Refused if the domain is not empty."""
    refuse_if_living(ctx, f"domain {domain.name!r}", "domain_name", domain.name)
    for table, what in ((ctx.store.tables.users, "users"), (ctx.store.tables.groups, "groups")):
        count = table.count("domain_name = ?", (domain.name,))
        if count:
            raise Refused(f"domain {domain.name!r} has {count} {what}; purge them first")
    delete_owned(ctx.store.db, "domain", domain.name)


QUERIES: Resolvers = {"domain": domain, "domains": listing(DOMAIN, _scope)}
MUTATIONS = {
    "create_domain": Mutation(creation(DOMAIN, _build)),
    "modify_domain": Mutation(_modify),
    "delete_domain": Mutation(_delete),
    "purge_domain": Mutation(deletion(DOMAIN, _prepare_purge)),
}
