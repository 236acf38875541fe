"""Agents, of which this machine is the one: what it has, what of it is taken, how it fares."""

import platform
from typing import Any

from atoll_cluster.api.gql.columns import AGENTS
from atoll_cluster.api.gql.context import Context, Fields, Info, as_json
from atoll_cluster.api.gql.entities import EntityType, Resolvers, own_fields
from atoll_cluster.api.gql.filters import compile_filter
from atoll_cluster.api.gql.inputs import Props, Refused, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.api.gql.sessions import container_fields
from atoll_cluster.node import measure
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.store.administration import Agent

_MEBIBYTE = 1024 * 1024

MACHINE = EntityType(
    label="agent",
    payload="agent",
    table=lambda ctx: ctx.store.tables.agents,
    fields=lambda ctx, _: agent_fields(ctx),
    order="id",
)


def agent(_: Any, info: Info, agent_id: str) -> Fields | None:
    """Resolve `agent`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return agent_fields(ctx) if agent_id == AGENT else None


def agents(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `agents`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return _matching_agents(ctx, args)


def agent_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `agent_list`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return _page(_matching_agents(ctx, args), limit, offset)


def agent_summary(_: Any, info: Info, agent_id: str) -> Fields | None:
    """Resolve `agent_summary`, for everybody."""
    return agent_fields(info.context) if agent_id == AGENT else None


def agent_summary_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `agent_summary_list`, for everybody."""
    return _page(_matching_agents(info.context, args), limit, offset)


def _page(found: list[Fields], limit: int, offset: int) -> Fields:
    return {"items": found[max(offset, 0) :][: max(limit, 0)], "total_count": len(found)}


def _matching_agents(ctx: Context, args: dict[str, Any]) -> list[Fields]:
    """Return this machine if it is what the arguments ask for."""
    fields = agent_fields(ctx)
    compile_order(args.get("order") or "", AGENTS, default="id")
    if args.get("status") not in {None, fields["status"]}:
        return []
    if args.get("scaling_group") not in {None, fields["scaling_group"]}:
        return []
    clause = compile_filter(args.get("filter") or "", AGENTS)
    row = ", ".join(f"? AS {name}" for name in AGENTS)
    # S608: the names are this program's own; all values are bound.
    query = f"SELECT 1 FROM (SELECT {row}) AS agents WHERE {clause.sql}"  # noqa: S608
    values = tuple(fields[name] for name in AGENTS)
    return [fields] if ctx.store.db.row(query, values + clause.values) else []


def agent_fields(ctx: Context) -> Fields:
    """Return `Agent`, and `AgentSummary` with it."""
    cluster, machine = ctx.cluster, ctx.cluster.machine
    used = cluster.scheduler.queue.occupied()
    node = measure(cluster.storage.volume, cluster.processors)
    domain = ctx.store.tables.domains.select(order="created_at", limit=1)
    since = domain[0].created_at if domain else None
    return own_fields(MACHINE.get(ctx, AGENT)) | {
        "status": "ALIVE",
        "status_changed": since,
        "region": "local",
        "available_slots": as_json(machine.slots.as_text()),
        "occupied_slots": as_json(used.as_text()),
        "addr": "tcp://127.0.0.1",
        "architecture": platform.machine(),
        "first_contact": since,
        "lost_at": None,
        "live_stat": as_json(node.live_stat()),
        "version": cluster.release,
        "compute_plugins": as_json({name.partition(".")[0]: {} for name in machine.slot_types}),
        "hardware_metadata": "{}",
        "auto_terminate_abusing_kernel": False,
        "local_config": as_json({"agent": {"auto_terminate_abusing_kernel": False}}),
        "container_count": len(cluster.scheduler.running),
        "mem_slots": machine.memory // _MEBIBYTE,
        "cpu_slots": float(machine.processors),
        "gpu_slots": float(machine.slots.devices.get("cuda.shares", 0)),
        "tpu_slots": 0.0,
        "used_mem_slots": used.mem // _MEBIBYTE,
        "used_cpu_slots": float(used.cpu),
        "used_gpu_slots": float(used.devices.get("cuda.shares", 0)),
        "used_tpu_slots": 0.0,
        "cpu_cur_pct": float(node.processors["pct"]),
        "mem_cur_bytes": float(node.memory["current"]),
        "compute_containers": lambda _, status=None: _containers(ctx, status),
        "gpu_alloc_map": {},
    }


def _containers(ctx: Context, status: str | None) -> list[Fields]:
    wanted = status.split(",") if status else None
    return [
        container_fields(ctx, ctx.store.sessions.get(kernel.session_id), kernel)
        for kernel in ctx.store.kernels.occupying()
        if wanted is None or kernel.status in wanted
    ]


def _modify(ctx: Context, id: str, props: Props) -> Fields:
    MACHINE.get(ctx, id)
    changes = read_props(Agent, props)
    group = changes.get("scaling_group")
    if group is not None and ctx.store.tables.scaling_groups.get(group) is None:
        raise Refused(f"no matching scaling group: {group}")
    ctx.store.tables.agents.update(id, changes)
    return {}


QUERIES: Resolvers = {
    "agent": agent,
    "agents": agents,
    "agent_list": agent_list,
    "agent_summary": agent_summary,
    "agent_summary_list": agent_summary_list,
}
MUTATIONS = {"modify_agent": Mutation(_modify)}
