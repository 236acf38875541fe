"""Groups in GraphQL; newer clients call them projects. Sessions and folders belong to them."""

import uuid
from collections.abc import Mapping
from typing import Any

from atoll_cluster import clock
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import EntityType, Resolvers, equal, listing, own_fields
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.inputs import NotPermitted, Props, Refused, named, one_of, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.users import refuse_if_living
from atoll_cluster.store.access import open_to
from atoll_cluster.store.erasure import erase
from atoll_cluster.store.owned_rows import delete_owned
from atoll_cluster.store.records import Group


def group_fields(ctx: Context, group: Group) -> Fields:
    """Return `Group`."""
    return own_fields(group) | {
        "scaling_groups": lambda _: open_to(ctx.store.db, "group", group.id),
        "type": "GENERAL",
        "container_registry": "{}",
    }


GROUP = EntityType(
    label="group",
    payload="group",
    table=lambda ctx: ctx.store.tables.groups,
    fields=group_fields,
    order="groups.domain_name, groups.name",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions: superadmins see all, domain admins their domain's, others own ones."""
    caller = ctx.caller
    asked = {**args, "domain_name": ctx.domain_for(args.get("domain_name"))}
    scope = equal(
        asked,
        id="groups.id",
        name="groups.name",
        domain_name="groups.domain_name",
        is_active="groups.is_active",
    )
    if not (caller.is_superadmin or caller.is_domain_admin):
        mine = "groups.id IN (SELECT group_id FROM group_members WHERE user_uuid = ?)"
        scope.append(Clause(mine, (caller.user.uuid,)))
    return scope


def group(_: Any, info: Info, **args: Any) -> Fields | None:
    """Resolve `group`."""
    found = listing(GROUP, _scope)(_, info, **args)
    return found[0] if found else None


def _create(ctx: Context, name: str, props: Props) -> Fields:
    changes = _read(ctx, props)
    domain = changes["domain_name"]
    if ctx.store.accounts.domain(domain) is None:
        raise Refused(f"there is no domain {domain!r}")
    _refuse_if_taken(ctx, name, domain)
    at = clock.now()
    made = Group(
        id=str(uuid.uuid4()),
        name=named("group", name),
        created_at=at,
        modified_at=at,
        **changes,
    )
    GROUP.table(ctx).add(made)
    return {"group": group_fields(ctx, made)}


def _modify(ctx: Context, gid: str, props: Props) -> Fields:
    found = _own(ctx, gid)
    changes = _read(ctx, props)
    name, domain = changes.get("name", found.name), changes.get("domain_name", found.domain_name)
    if domain != found.domain_name:
        raise Refused("a group cannot move to another domain")
    if name != found.name:
        _refuse_if_taken(ctx, named("group", name), domain)
    GROUP.table(ctx).update(found.id, {**changes, "modified_at": clock.now()})
    if mode := props.get("user_update_mode"):
        one_of("user_update_mode", mode, ("add", "remove"))
        for user_uuid in props.get("user_uuids") or []:
            _set_member(ctx, found, user_uuid, is_member=mode == "add")
    return {"group": group_fields(ctx, GROUP.get(ctx, found.id))}


def _set_member(ctx: Context, group: Group, user_uuid: str, *, is_member: bool) -> None:
    user = ctx.store.accounts.user(user_uuid)
    if user is None or user.domain_name != group.domain_name:
        raise Refused(f"no matching user in domain {group.domain_name!r}: {user_uuid}")
    accounts = ctx.store.accounts
    change = accounts.add_member if is_member else accounts.remove_member
    change(group.id, user.uuid)


def _read(ctx: Context, props: Props) -> Props:
    changes = read_props(Group, props)
    domain = changes.get("domain_name")
    if domain not in {None, ctx.caller.user.domain_name} and not ctx.caller.is_superadmin:
        raise NotPermitted
    policy = changes.get("resource_policy")
    if policy is not None and ctx.store.tables.project_policies.get(policy) is None:
        raise Refused(f"there is no project resource policy {policy!r}")
    return changes


def _refuse_if_taken(ctx: Context, name: str, domain: str) -> None:
    if GROUP.table(ctx).find(name=name, domain_name=domain):
        raise Refused(f"group {name!r} exists already in domain {domain!r}")


def _delete(ctx: Context, gid: str) -> Fields:
    """Deactivate a group, without deleting it or its records."""
    found = _own(ctx, gid)
    changes = {"is_active": False, "modified_at": clock.now()}
    GROUP.table(ctx).update(found.id, changes)
    return {}


def _purge(ctx: Context, gid: str) -> Fields:
    """Delete a group with the records of its sessions."""
    found = _own(ctx, gid)
    refuse_if_living(ctx, f"group {found.name!r}", "group_id", found.id)
    erase(ctx.store.db, "groups", "id = ?", (found.id,))
    delete_owned(ctx.store.db, "group", found.id)
    ctx.store.sessions.forget()
    GROUP.table(ctx).counts.clear()
    return {}


def _own(ctx: Context, gid: str) -> Group:
    """Return a group; raises NotPermitted if the caller may not administer it."""
    found = GROUP.get(ctx, gid)
    if not ctx.caller.is_superadmin and found.domain_name != ctx.caller.user.domain_name:
        raise NotPermitted
    return found


QUERIES: Resolvers = {
    "group": group,
    "groups": listing(GROUP, _scope),
    "groups_by_name": listing(GROUP, _scope),
}
MUTATIONS = {
    "create_group": Mutation(_create, for_domain_admins=True),
    "modify_group": Mutation(_modify, for_domain_admins=True),
    "delete_group": Mutation(_delete, for_domain_admins=True),
    "purge_group": Mutation(_purge, for_domain_admins=True),
}
