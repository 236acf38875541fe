"""Show the version, features and status of the cluster, and control its manager."""

import uuid
from typing import Any

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, no_content, reply, route
from atoll_cluster.api.request.freeze import STATUS, manager_status
from atoll_cluster.api.request.problems import invalid_params, not_found
from atoll_cluster.api.sessions.streams import FEATURE as EXECUTE_BYTES
from atoll_cluster.api.tunnel.proxying import FEATURE as HALF_CLOSE
from atoll_cluster.cluster import API_VERSION
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.store.policies import HOST_PERMISSIONS

_EVENTS = frozenset({"schedule", "prepare", "scale_services"})


TIME_LIMITS = "time-limits"
"""The feature in `GET /` that sessions of all types can have a time limit."""


async def root(call: Call) -> Response:
    """`GET /`: the versions and features of the cluster.

    `features` lists additions to the API; other clients ignore it.
    """
    features = [EXECUTE_BYTES, HALF_CLOSE]
    if not call.cluster.machine.is_bounded:
        features.append(TIME_LIMITS)
    return reply({"version": API_VERSION, "manager": call.cluster.release, "features": features})


async def status(call: Call) -> Response:
    """`GET /manager/status`: the status of the only node, which is this program."""
    active = len(call.cluster.store.sessions.in_status("RUNNING", "RUNNING_DEGRADED"))
    major, _, date = API_VERSION.removeprefix("v").partition(".")
    found = manager_status(call.cluster.store)
    node = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, AGENT)),
        "num_proc": 1,
        "service_addr": call.request.headers.get("host", ""),
        "heartbeat_timeout": 0.0,
        "ssl_enabled": False,
        "active_sessions": active,
        "status": found,
        "version": call.cluster.release,
        "api_version": [int(major), date],
    }
    return reply({"nodes": [node], "status": found, "active_sessions": active})


async def set_status(call: Call) -> Response:
    """`PUT /manager/status`: freeze or unfreeze; with `force_kill`, also end all sessions."""
    wanted = call.params.required("status")
    if wanted not in {"running", "frozen"}:
        raise invalid_params(
            f"status: {wanted!r} is neither running nor frozen", {"status": wanted}
        )
    force_kill = call.params.boolean("force_kill")
    with call.cluster.store.db.transaction():
        call.cluster.store.settings.set(STATUS, wanted)
        if wanted == "frozen" and force_kill:
            for session in call.cluster.store.sessions.unfinished():
                call.cluster.scheduler.terminate(session.id, "force-terminated", forced=True)
    return no_content()


async def scheduler_operation(call: Call) -> Response:
    """`POST /manager/scheduler/operation`: allow or stop new sessions on agents."""
    operation = call.params.required("op")
    if operation not in {"include-agents", "exclude-agents"}:
        why = f"op: {operation!r} is neither include-agents nor exclude-agents"
        raise invalid_params(why, {"op": operation})
    agents = [str(one) for one in call.params.sequence("args")]
    for agent in agents:
        if call.cluster.store.tables.agents.get(agent) is None:
            raise not_found("agent instance", f"no agent {agent!r}")
    changes = {"schedulable": operation == "include-agents"}
    with call.cluster.store.db.transaction():
        for agent in agents:
            call.cluster.store.tables.agents.update(agent, changes)
    call.cluster.scheduler.wake()
    return no_content()


async def scheduler_trigger(call: Call) -> Response:
    """`POST /manager/scheduler/trigger`: schedule the queue now."""
    event = call.params.required("event")
    if event not in _EVENTS:
        raise invalid_params(f"event: {event!r} is not one of {', '.join(sorted(_EVENTS))}")
    call.cluster.scheduler.wake()
    return no_content()


async def scheduler_status(call: Call) -> Response:
    """`GET /manager/scheduler/status`: the number of waiting sessions and the agents."""
    agents = call.cluster.store.tables.agents.select()
    pending = len(call.cluster.store.sessions.in_status("PENDING"))
    taking = {one.id: one.schedulable for one in agents}
    return reply({"pending_sessions": pending, "schedulable_agents": taking})


async def license_(call: Call) -> Response:
    """`GET /license`: always a free license."""
    certificate = {"type": "MIT license", "issuer": call.cluster.release, "valid_until": "forever"}
    return reply({"status": "valid", "certificate": certificate})


async def permissions(_: Call) -> Response:
    """`GET /acl`: the names of the permissions on folder hosts."""
    return reply({"vfolder_host_permission_list": list(HOST_PERMISSIONS)})


async def resource_slots(call: Call) -> Response:
    """`GET /config/resource-slots`: the slots and their types."""
    return reply(call.cluster.slot_types)


async def resource_slot_details(call: Call) -> Response:
    """`GET /config/resource-slots/details`: how clients should display the slots."""
    names = {"cpu": ("CPU", "Core"), "mem": ("RAM", "GiB"), "cuda.shares": ("GPU", "FGPU")}
    return reply(
        {
            slot: _detail(slot, *names.get(slot, ("GPU", "GPU")), is_binary=kind == "bytes")
            for slot, kind in call.cluster.slot_types.items()
        }
    )


def _detail(slot: str, name: str, unit: str, *, is_binary: bool) -> dict[str, Any]:
    return {
        "slot_name": slot,
        "description": name,
        "human_readable_name": name,
        "display_unit": unit,
        "number_format": {"binary": is_binary, "round_length": 0},
        "display_icon": slot,
    }


async def vfolder_types(_: Call) -> Response:
    """`GET /config/vfolder-types`: the possible types of folders."""
    return reply(["user", "group"])


ROUTES: Routes = (
    route("GET", "/", root, public=True),
    route("GET", "/manager/status", status, public=True),
    route("PUT", "/manager/status", set_status, superadmin=True),
    route("POST", "/manager/scheduler/operation", scheduler_operation, superadmin=True),
    route("POST", "/manager/scheduler/trigger", scheduler_trigger, superadmin=True),
    route("GET", "/manager/scheduler/status", scheduler_status, superadmin=True),
    route("GET", "/license", license_, superadmin=True),
    route("GET", "/acl", permissions),
    route("GET", "/config/resource-slots", resource_slots, public=True),
    route("GET", "/config/resource-slots/details", resource_slot_details, public=True),
    route("GET", "/config/vfolder-types", vfolder_types, public=True),
)
