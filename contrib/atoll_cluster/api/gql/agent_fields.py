"""The fields of `Agent`: for this machine, or for each machine that the engine reports."""

import platform
from collections.abc import Mapping
from decimal import Decimal

from atoll_cluster.api.gql.context import Context, Fields, as_json
from atoll_cluster.api.gql.sessions import container_fields
from atoll_cluster.engine.launcher import Node
from atoll_cluster.node import measure
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.scheduler.nodes import is_usable
from atoll_cluster.slots import as_text
from atoll_cluster.store.records import KernelRow

_MEBIBYTE = 1024 * 1024


def of_machine(ctx: Context) -> Fields:
    """Return `Agent` for the only agent, if the engine does not report its machines."""
    cluster, machine = ctx.cluster, ctx.cluster.machine
    row = ctx.store.tables.agents.get(AGENT)
    node = measure(cluster.storage.volume, cluster.processors)
    domain = ctx.store.tables.domains.select(order="created_at", limit=1)
    used = cluster.scheduler.queue.occupied()
    # If the engine has its own queue, its slots are unknown.
    there = machine.slots if machine.is_bounded else used
    since = domain[0].created_at if domain else None
    return _amounts(there.amounts(), used.amounts()) | {
        **_usual(ctx, _kernels(ctx, AGENT)),
        "id": AGENT,
        "status": "ALIVE",
        "status_changed": since,
        "scaling_group": row.scaling_group if row else "",
        "schedulable": row is not None and row.schedulable,
        "addr": "tcp://127.0.0.1",
        "architecture": platform.machine(),
        "first_contact": since,
        "live_stat": as_json(node.live_stat()),
        "cpu_cur_pct": float(node.processors["pct"]),
        "mem_cur_bytes": float(node.memory["current"]),
    }


def of_node(ctx: Context, node: Node) -> Fields:
    """Return `Agent` for a machine that the engine reports."""
    nodes = ctx.cluster.nodes
    since = nodes.since(node)
    health = {
        "status": "healthy" if is_usable(node) else "unavailable",
        "status_info": node.reason or node.state or None,
        "metadata": {"state": node.state},
    }
    memory = None if node.memory_used is None else float(node.memory_used)
    return _amounts(node.slots, nodes.used(node)) | {
        **_usual(ctx, _kernels(ctx, node.name)),
        "id": node.name,
        "status": "ALIVE" if node.is_alive else "LOST",
        "status_changed": since,
        "scaling_group": ",".join(_shown_groups(node)),
        "schedulable": is_usable(node),
        "addr": f"tcp://{node.address or node.name}",
        "architecture": node.architecture or platform.machine(),
        "first_contact": since,
        "lost_at": None if node.is_alive else since,
        "live_stat": as_json(_live_stat(node)),
        "hardware_metadata": as_json({"node": health}),
        "cpu_cur_pct": _percentage(node),
        "mem_cur_bytes": memory,
    }


def _shown_groups(node: Node) -> list[str]:
    """Return the groups of a machine, without `default` if others exist: it means one of them."""
    return [one for one in node.groups if one != "default"] or list(node.groups)


def _percentage(node: Node) -> float | None:
    processors = node.slots.get("cpu")
    if node.cpu_load is None or not processors:
        return None
    return 100 * min(1.0, node.cpu_load / float(processors))


def _live_stat(node: Node) -> dict[str, dict[str, object]]:
    """Return the known figures of a machine in the form in which agents report them."""
    of_node: dict[str, object] = {}
    of_devices: dict[str, object] = {}
    percentage, memory = _percentage(node), float(node.slots.get("mem", 0))
    if percentage is not None:
        count = int(node.slots["cpu"])
        of_node["cpu_util"] = _figure(10 * percentage * count, 1000 * count, percentage, "msec")
        # Clients count the processors by these entries. Each gets the average load of all.
        one = _figure(10 * percentage, 1000, percentage, "pct")
        of_devices["cpu_util"] = {str(number): one for number in range(count)}
    if node.memory_used is not None and memory:
        used = _figure(node.memory_used, memory, 100 * node.memory_used / memory, "bytes")
        of_node["mem"], of_devices["mem"] = used, {"root": used}
    return {"node": of_node, "devices": of_devices}


def _figure(current: float, capacity: float, percentage: float, unit: str) -> dict[str, str]:
    return {
        "current": f"{current:.0f}",
        "capacity": f"{capacity:.0f}",
        "pct": f"{percentage:.2f}",
        "unit_hint": unit,
    }


def _amounts(there: Mapping[str, Decimal], used: Mapping[str, Decimal]) -> Fields:
    """Return the slots of an agent and those in use, in the fields of old and new clients."""
    fields: Fields = {
        "available_slots": as_json(as_text(there)),
        "occupied_slots": as_json(as_text(used)),
        "compute_plugins": as_json({slot.partition(".")[0]: {} for slot in there}),
    }
    for prefix, amounts in (("", there), ("used_", used)):
        fields |= {
            f"{prefix}mem_slots": int(amounts.get("mem", 0)) // _MEBIBYTE,
            f"{prefix}cpu_slots": float(amounts.get("cpu", 0)),
            f"{prefix}gpu_slots": float(amounts.get("cuda.shares", 0)),
            f"{prefix}tpu_slots": 0.0,
        }
    return fields


def _usual(ctx: Context, kernels: list[KernelRow]) -> Fields:
    """Return the fields that are the same for all agents, and those about their kernels."""
    return {
        "region": "local",
        "lost_at": None,
        "version": ctx.cluster.release,
        "hardware_metadata": "{}",
        "auto_terminate_abusing_kernel": False,
        "local_config": as_json({"agent": {"auto_terminate_abusing_kernel": False}}),
        "container_count": len(kernels),
        "compute_containers": lambda _, status=None: _containers(ctx, kernels, status),
        "gpu_alloc_map": {},
    }


def _kernels(ctx: Context, agent: str) -> list[KernelRow]:
    return [one for one in ctx.store.kernels.occupying() if one.agent == agent]


def _containers(ctx: Context, kernels: list[KernelRow], status: str | None) -> list[Fields]:
    wanted = status.split(",") if status else None
    return [
        container_fields(ctx, ctx.store.sessions.get(kernel.session_id), kernel)
        for kernel in kernels
        if wanted is None or kernel.status in wanted
    ]
