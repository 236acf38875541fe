"""This machine as GraphQL shows it: the one agent that it is, the one scaling group, presets."""

import os
import platform
from pathlib import Path
from typing import Any

from atoll_local.api.gql.columns import AGENTS
from atoll_local.api.gql.context import Context, Fields, Info, as_json
from atoll_local.api.gql.filters import compile_filter
from atoll_local.api.gql.sessions import container_fields
from atoll_local.api.resources import PRESETS
from atoll_local.cluster import AGENT

_MEBIBYTE = 1024 * 1024


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
    machine, used = ctx.cluster.machine, ctx.cluster.scheduler.queue.occupied()
    domain = ctx.store.accounts.domain("default")
    since = domain.created_at if domain else None
    return {
        "id": AGENT,
        "status": "ALIVE",
        "status_changed": since,
        "region": "local",
        "scaling_group": "default",
        "schedulable": True,
        "available_slots": as_json(machine.slots.as_text()),
        "occupied_slots": as_json(used.as_text()),
        "addr": "tcp://127.0.0.1",
        "architecture": platform.machine(),
        "first_contact": since,
        "lost_at": None,
        "live_stat": None,
        "version": ctx.cluster.release,
        "compute_plugins": as_json({name.partition(".")[0]: {} for name in machine.slot_types}),
        "hardware_metadata": "{}",
        "auto_terminate_abusing_kernel": False,
        "local_config": as_json({"agent": {"auto_terminate_abusing_kernel": False}}),
        "container_count": len(ctx.cluster.scheduler.running),
        "mem_slots": machine.memory // _MEBIBYTE,
        "cpu_slots": float(machine.processors),
        "gpu_slots": float(machine.slots.devices.get("cuda.shares", 0)),
        "tpu_slots": 0.0,
        "used_mem_slots": used.mem // _MEBIBYTE,
        "used_cpu_slots": float(used.cpu),
        "used_gpu_slots": float(used.devices.get("cuda.shares", 0)),
        "used_tpu_slots": 0.0,
        "cpu_cur_pct": round(os.getloadavg()[0] * 100, 2),
        "mem_cur_bytes": float(_memory_in_use()),
        "compute_containers": lambda _, status=None: _containers(ctx, status),
        "gpu_alloc_map": {},
    }


def _memory_in_use() -> int:
    """Return the bytes of the machine's memory that are in use, caches left out."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    amounts = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return amounts["MemTotal"] - amounts["MemAvailable"]


def _containers(ctx: Context, status: str | None) -> list[Fields]:
    wanted = status.split(",") if status else None
    return [
        container_fields(ctx, ctx.store.sessions.get(kernel.session_id), kernel)
        for kernel in ctx.store.kernels.occupying()
        if wanted is None or kernel.status in wanted
    ]


def scaling_group(_: Any, info: Info, name: str | None = None) -> Fields | None:
    """Resolve `scaling_group`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    return scaling_group_fields(ctx) if name in {None, "default"} else None


def scaling_groups(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `scaling_groups` and its kin, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    wanted = args.get("name") in {None, "default"} and args.get("is_active") in {None, True}
    return [scaling_group_fields(ctx)] if wanted else []


def scaling_group_fields(ctx: Context) -> Fields:
    """Return `ScalingGroup`."""
    domain = ctx.store.accounts.domain("default")
    return {
        "name": "default",
        "description": "this machine",
        "is_active": True,
        "is_public": True,
        "created_at": domain.created_at if domain else None,
        "wsproxy_addr": None,
        "wsproxy_api_token": None,
        "driver": "static",
        "driver_opts": "{}",
        "scheduler": "fifo",
        "scheduler_opts": "{}",
        "use_host_network": True,
        "accelerator_quantum_size": None,
        "agent_count_by_status": 1,
        "agent_total_resource_slots_by_status": as_json(
            {
                "occupied_slots": ctx.cluster.scheduler.queue.occupied().as_text(),
                "available_slots": ctx.cluster.machine.slots.as_text(),
            }
        ),
        "resource_allocation_limit_for_sessions": as_json(ctx.cluster.machine.slots.as_text()),
        "own_session_occupied_resource_slots": "{}",
    }


def resource_presets(_: Any, info: Info, **__: Any) -> list[Fields]:  # noqa: ARG001 - GraphQL's
    """Resolve `resource_presets`."""
    return [
        {"name": name, "resource_slots": as_json(slots.as_text()), "shared_memory": None}
        for name, slots in PRESETS.items()
    ]


def resource_preset(_: Any, info: Info, name: str | None = None) -> Fields | None:
    """Resolve `resource_preset`."""
    found = [one for one in resource_presets(_, info) if one["name"] == name]
    return found[0] if found else None
