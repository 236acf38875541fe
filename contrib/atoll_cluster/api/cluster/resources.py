"""Show scaling groups, resource presets, and the used and free slots."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.engine.launcher import Node
from atoll_cluster.scheduler.budgets import Ledger, Whose
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.slots import from_text, plain
from atoll_cluster.store.access import usable_by
from atoll_cluster.store.administration import ResourcePreset
from atoll_cluster.store.records import Group

Amounts = dict[str, Decimal]
_INFINITY = Decimal("Infinity")


async def scaling_groups(call: Call) -> Response:
    """`GET /scaling-groups`: the scaling groups of a group; only admins see hidden ones."""
    caller, tables = call.caller, call.cluster.store.tables
    names = usable_by(
        call.cluster.store.db, caller.user.domain_name, _group(call).id, caller.access_key
    )
    is_admin = caller.is_superadmin or caller.is_domain_admin
    found = [tables.scaling_groups.get(name) for name in names]
    shown = [{"name": one.name} for one in found if one and (one.is_public or is_admin)]
    return reply({"scaling_groups": shown})


async def wsproxy_version(call: Call) -> Response:
    """`GET /scaling-groups/{name}/wsproxy-version`: always the version `v1`."""
    if call.cluster.store.tables.scaling_groups.get(call.path("name")) is None:
        raise not_found("scaling group", f"no scaling group {call.path('name')!r}")
    return reply({"wsproxy_version": "v1"})


async def presets(call: Call) -> Response:
    """`GET /resource/presets`: the resource presets."""
    return reply({"presets": [_preset(one) for one in _presets(call)]})


async def check_presets(call: Call) -> Response:
    """`POST /resource/check-presets`: the used and free slots, and which presets fit now."""
    cluster, owner = call.cluster, call.owner
    await cluster.nodes.refresh()
    slots, group = cluster.slot_types, _group(call)
    ledger = Ledger.of(cluster.store, slots)
    groups = _scaling_groups(call, group)
    machine = _machine(call)
    domain = _account(ledger, ("domain", group.domain_name), slots, machine["remaining"])
    of_group = _account(ledger, ("group", group.id), slots, domain["remaining"])
    own = _account(ledger, ("keypair", owner.access_key), slots, of_group["remaining"])
    answer: dict[str, Any] = {
        **{f"keypair_{name}": _text(amounts) for name, amounts in own.items()},
        **{f"group_{name}": _text(amounts) for name, amounts in of_group.items()},
        "scaling_group_remaining": _text(machine["remaining"]),
        "scaling_groups": {
            one: {name: _text(amounts) for name, amounts in group_amounts.items()}
            for one, group_amounts in groups.items()
        },
        "presets": [
            {**_preset(one), "allocatable": _fits(one, own["remaining"])} for one in _presets(call)
        ],
    }
    return reply(answer)


def _account(
    ledger: Ledger, whose: Whose, slots: Iterable[str], room: Amounts
) -> dict[str, Amounts]:
    """Return the limits of an account, the slots in use, and the rest, which is at most `room`."""
    limits, used = ledger.budget(whose).limits, ledger.held(whose).amounts()
    limit = {slot: limits.get(slot, _INFINITY) for slot in slots}
    using = {slot: used.get(slot, Decimal(0)) for slot in slots}
    remaining = {
        slot: max(min(limit[slot] - using[slot], room[slot]), Decimal(0)) for slot in slots
    }
    return {"limits": limit, "using": using, "remaining": remaining}


def _machine(call: Call) -> dict[str, Amounts]:
    """Return the used and the free slots of all machines together."""
    cluster, nodes = call.cluster, call.cluster.nodes
    machine, held = cluster.machine, cluster.scheduler.queue.occupied()
    if machine.has_nodes:
        return _of_nodes(call, nodes.known)
    using = {slot: held.amounts().get(slot, Decimal(0)) for slot in machine.slot_types}
    if machine.is_bounded:
        return {"using": using, "remaining": machine.remaining(held).amounts()}
    return {"using": using, "remaining": dict.fromkeys(using, _INFINITY)}


def _of_nodes(call: Call, nodes: Sequence[Node]) -> dict[str, Amounts]:
    there, taken = call.cluster.nodes.total(nodes), call.cluster.nodes.taken(nodes)
    using = {slot: taken.get(slot, Decimal(0)) for slot in call.cluster.slot_types}
    left = {slot: there.get(slot, Decimal(0)) - amount for slot, amount in using.items()}
    return {"using": using, "remaining": {slot: max(one, Decimal(0)) for slot, one in left.items()}}


def _scaling_groups(call: Call, group: Group) -> dict[str, dict[str, Amounts]]:
    """Return the used and the free slots of each scaling group that has machines."""
    cluster, caller = call.cluster, call.caller
    if not cluster.machine.has_nodes:
        return {_agent_group(call): _machine(call)}
    names = usable_by(cluster.store.db, caller.user.domain_name, group.id, caller.access_key)
    found = {name: cluster.nodes.of_group(name) for name in names}
    return {name: _of_nodes(call, nodes) for name, nodes in found.items() if nodes}


def _agent_group(call: Call) -> str:
    agent = call.cluster.store.tables.agents.get(AGENT)
    return agent.scaling_group if agent else ""


def _group(call: Call) -> Group:
    """Find the requested group by name or id; raises Problem 404 if the caller cannot see it."""
    store, caller = call.cluster.store, call.caller
    name = call.params.text("group", "group_id", "group_name") or "default"
    found = store.accounts.group_by_name(name, caller.user.domain_name)
    if found is None and caller.is_superadmin:
        found = store.accounts.group(name) or store.tables.groups.find(name=name)
    is_admin = caller.is_superadmin or caller.is_domain_admin
    if found is None or not (is_admin or store.accounts.is_member(found.id, caller.user.uuid)):
        raise not_found("user group", f"no group {name!r} for this user")
    return found


def _presets(call: Call) -> list[ResourcePreset]:
    """Return the global presets, and those of the requested scaling group."""
    asked = call.params.text("scaling_group")
    found = call.cluster.store.tables.presets.select()
    return [one for one in found if one.scaling_group_name in {None, asked}]


def _fits(preset: ResourcePreset, room: Amounts) -> bool:
    wanted = from_text(dict(preset.resource_slots)).amounts()
    return all(amount <= room.get(slot, Decimal(0)) for slot, amount in wanted.items())


def _preset(preset: ResourcePreset) -> dict[str, Any]:
    shared_memory = None if preset.shared_memory is None else str(preset.shared_memory)
    return {
        "id": preset.id,
        "name": preset.name,
        "shared_memory": shared_memory,
        "resource_slots": dict(preset.resource_slots),
        "scaling_group_name": preset.scaling_group_name,
    }


def _text(amounts: Amounts) -> dict[str, str]:
    return {
        slot: "Infinity" if amount.is_infinite() else plain(amount)
        for slot, amount in amounts.items()
    }


ROUTES: Routes = (
    route("GET", "/scaling-groups", scaling_groups),
    route("GET", "/scaling-groups/{name}/wsproxy-version", wsproxy_version),
    route("GET", "/resource/presets", presets),
    route("POST", "/resource/check-presets", check_presets),
)
