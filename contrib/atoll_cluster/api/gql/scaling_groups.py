"""Scaling groups in GraphQL: sets of agents, and who may use them."""

from collections.abc import Callable, Mapping
from typing import Any

from atoll_cluster import clock
from atoll_cluster.api.gql.agents import refreshing
from atoll_cluster.api.gql.context import Context, Fields, as_json
from atoll_cluster.api.gql.domains import DOMAIN
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
from atoll_cluster.api.gql.groups import GROUP
from atoll_cluster.api.gql.inputs import Props, Refused, read_props
from atoll_cluster.api.gql.keypairs import KEYPAIR
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.slots import Slots, as_text
from atoll_cluster.store.access import grant, revoke, usable_by
from atoll_cluster.store.administration import ScalingGroup

_WHOM: Mapping[str, tuple[str, str, EntityType[Any]]] = {
    "domain": ("domain", "domain", DOMAIN),
    "user_group": ("user_group", "group", GROUP),
    "keypair": ("access_key", "keypair", KEYPAIR),
}
"""Who can get access to a scaling group: the argument's name, the stored kind, the entity type."""

_USUAL_OPTIONS = {
    "allowed_session_types": ["interactive", "batch"],
    "pending_timeout": 0.0,
    "config": {},
    "agent_selection_strategy": "dispersed",
    "roundrobin": False,
}
"""The default options of the scheduler in answers."""


def _fields(ctx: Context, group: ScalingGroup) -> Fields:
    """Return `ScalingGroup`."""
    agents, available, occupied = _amounts(ctx, group.name)
    amounts = {"occupied_slots": occupied, "available_slots": available}
    return own_fields(group) | {
        "scheduler_opts": as_json(_USUAL_OPTIONS | dict(group.scheduler_opts)),
        "accelerator_quantum_size": None,
        "agent_count_by_status": agents,
        "agent_total_resource_slots_by_status": as_json(amounts),
        "resource_allocation_limit_for_sessions": as_json(available),
        "own_session_occupied_resource_slots": "{}",
    }


def _amounts(ctx: Context, group: str) -> tuple[int, dict[str, str], dict[str, str]]:
    """Return the number of agents of a group, the sum of their slots, and the slots in use."""
    machine, nodes = ctx.cluster.machine, ctx.cluster.nodes
    if machine.has_nodes:
        own = nodes.of_group(group)
        return len(own), as_text(nodes.total(own)), as_text(nodes.taken(own))
    count = ctx.store.tables.agents.count("scaling_group = ?", (group,))
    if not count:
        return 0, Slots().as_text(), Slots().as_text()
    occupied = ctx.cluster.scheduler.queue.occupied()
    available = machine.slots if machine.is_bounded else occupied
    return count, available.as_text(), occupied.as_text()


SCALING_GROUP = EntityType(
    label="scaling group",
    payload="scaling_group",
    table=lambda ctx: ctx.store.tables.scaling_groups,
    fields=_fields,
    order="created_at, name",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions: all scaling groups, or those of one account; for superadmins."""
    ctx.require_superadmin()
    scope = equal(args, name="name", is_active="is_active")
    for argument, kind, _ in _WHOM.values():
        if whom := args.get(argument):
            granted = "SELECT scaling_group FROM scaling_group_access WHERE (kind, whom) = (?, ?)"
            scope.append(Clause(f"name IN ({granted})", (kind, str(whom))))
    return scope


def _accessible(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions for the scaling groups that the caller may use in one group."""
    caller, group = ctx.caller, str(args["project_id"])
    names = usable_by(ctx.store.db, caller.user.domain_name, group, caller.access_key)
    if not (caller.is_superadmin or ctx.store.accounts.is_member(group, caller.user.uuid)):
        names = []
    return [Clause(f"name IN ({', '.join('?' * len(names))})", tuple(names))]


def _single(_: Any, info: Any, name: str | None = None) -> Fields | None:
    """Resolve `scaling_group`."""
    found = listing(SCALING_GROUP, _scope)(_, info, name=name or "default")
    return found[0] if found else None


def _build(_: Context, name: str, props: Props) -> ScalingGroup:
    return ScalingGroup(name=name, created_at=clock.now(), **read_props(ScalingGroup, props))


def _change(_: Context, __: ScalingGroup, props: Props) -> Props:
    return read_props(ScalingGroup, props)


def _refuse_if_used(ctx: Context, group: ScalingGroup) -> None:
    if ctx.store.tables.agents.count("scaling_group = ?", (group.name,)):
        raise Refused(f"scaling group {group.name!r} has agents; move them to another one first")
    living = [one for one in ctx.store.sessions.unfinished() if one.scaling_group == group.name]
    if living:
        raise Refused(
            f"scaling group {group.name!r} has {len(living)} sessions that have not ended"
        )


def _opening(whom: str) -> Callable[..., Fields]:
    """Create the mutation that allows an account to use scaling groups."""
    argument, kind, of = _WHOM[whom]

    def act(ctx: Context, **args: Any) -> Fields:
        key = str(args[argument])
        of.get(ctx, key)
        for name in _named(args):
            SCALING_GROUP.get(ctx, name)
            grant(ctx.store.db, name, kind, key)
        return {}

    return act


def _closing(whom: str) -> Callable[..., Fields]:
    """Create the mutation that withdraws access to one, several or all scaling groups."""
    argument, kind, of = _WHOM[whom]

    def act(ctx: Context, **args: Any) -> Fields:
        key = str(args[argument])
        for name in _named(args):
            if not revoke(ctx.store.db, kind, key, name):
                raise Refused(f"scaling group {name!r} is not open to {of.label} {key}")
        if not _named(args):
            revoke(ctx.store.db, kind, key)
        return {}

    return act


def _named(args: Mapping[str, Any]) -> list[str]:
    one = args.get("scaling_group")
    return [one] if one else list(args.get("scaling_groups") or [])


def _associations() -> dict[str, Mutation]:
    found = {}
    for whom in _WHOM:
        for number in ("scaling_group", "scaling_groups"):
            found[f"associate_{number}_with_{whom}"] = Mutation(_opening(whom))
            found[f"disassociate_{number}_with_{whom}"] = Mutation(_closing(whom))
    return found


_LIST = refreshing(listing(SCALING_GROUP, _scope))
QUERIES: Resolvers = {
    "scaling_group": refreshing(_single),
    "scaling_groups": _LIST,
    "scaling_groups_for_domain": _LIST,
    "scaling_groups_for_user_group": _LIST,
    "scaling_groups_for_keypair": _LIST,
    "accessible_scaling_groups": refreshing(listing(SCALING_GROUP, _accessible)),
}
MUTATIONS = {
    "create_scaling_group": Mutation(creation(SCALING_GROUP, _build)),
    "modify_scaling_group": Mutation(modification(SCALING_GROUP, _change)),
    "delete_scaling_group": Mutation(deletion(SCALING_GROUP, _refuse_if_used)),
    **_associations(),
    "disassociate_all_scaling_groups_with_domain": Mutation(_closing("domain")),
    "disassociate_all_scaling_groups_with_group": Mutation(_closing("user_group")),
}
