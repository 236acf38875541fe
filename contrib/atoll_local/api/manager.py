"""The cluster about itself: version, status, announcement, configuration, and who the caller is."""

import uuid
from typing import Any

from starlette.responses import Response

from atoll_local.api.call import Call, Routes, reply, route
from atoll_local.cluster import AGENT, API_VERSION


async def root(call: Call) -> Response:
    """`GET /`: by this a client finds out what to speak."""
    return reply({"version": API_VERSION, "manager": call.cluster.release})


async def announcement(_: Call) -> Response:
    """`GET /manager/announcement`: clients ask on every command; there never is one."""
    return reply({"enabled": False, "message": ""})


async def status(call: Call) -> Response:
    """`GET /manager/status`: one node, this program."""
    active = len(call.cluster.store.sessions.in_status("RUNNING", "RUNNING_DEGRADED"))
    major, _, date = API_VERSION.removeprefix("v").partition(".")
    node = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, AGENT)),
        "num_proc": 1,
        "service_addr": call.request.headers.get("host", ""),
        "heartbeat_timeout": 0.0,
        "ssl_enabled": False,
        "active_sessions": active,
        "status": "running",
        "version": call.cluster.release,
        "api_version": [int(major), date],
    }
    return reply({"nodes": [node], "status": "running", "active_sessions": active})


async def resource_slots(call: Call) -> Response:
    """`GET /config/resource-slots`: the slots and their types."""
    return reply(call.cluster.machine.slot_types)


async def resource_slot_details(call: Call) -> Response:
    """`GET /config/resource-slots/details`: how to show the slots."""
    names = {"cpu": ("CPU", "Core"), "mem": ("RAM", "GiB"), "cuda.shares": ("GPU", "FGPU")}
    return reply(
        {
            slot: _detail(slot, *names.get(slot, ("GPU", "GPU")), is_binary=kind == "bytes")
            for slot, kind in call.cluster.machine.slot_types.items()
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
    """`GET /config/vfolder-types`: the kinds of folders there can be."""
    return reply(["user", "group"])


async def auth_test(call: Call) -> Response:
    """`GET` and `POST /auth`: say something signed, hear it again."""
    return reply({"authorized": "yes", "echo": call.params.text("echo")})


async def role(call: Call) -> Response:
    """`GET /auth/role`: what the caller is globally, in the domain, and in the group asked for."""
    user = call.caller.user
    is_member = call.cluster.store.accounts.is_member(call.params.text("group") or "", user.uuid)
    return reply(
        {
            "global_role": "superadmin" if user.role == "superadmin" else "user",
            "domain_role": "admin" if user.role in {"admin", "superadmin"} else "user",
            "group_role": "user" if is_member else None,
        }
    )


async def my_ip(call: Call) -> Response:
    """`GET /auth/my-ip`: the caller's address as seen here."""
    client = call.request.client
    return reply({"client_ip": client.host if client else None})


ROUTES: Routes = (
    route("GET", "/", root, public=True),
    route("GET", "/manager/announcement", announcement, public=True),
    route("GET", "/manager/status", status, public=True),
    route("GET", "/config/resource-slots", resource_slots, public=True),
    route("GET", "/config/resource-slots/details", resource_slot_details, public=True),
    route("GET", "/config/vfolder-types", vfolder_types, public=True),
    route("GET POST", "/auth", auth_test),
    route("GET POST", "/auth/test", auth_test),
    route("GET", "/auth/role", role),
    route("GET", "/auth/my-ip", my_ip),
)
