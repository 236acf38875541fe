"""The folder host: its permissions, the types of folders, quotas and disk usage."""

from typing import Any

from starlette.responses import Response

from atoll_cluster.api.folders.access import OWNER, find
from atoll_cluster.api.folders.disk import on_disk, place
from atoll_cluster.api.folders.manage import check_host, is_modern
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import forbidden, invalid_params
from atoll_cluster.slots import AmountError, parse_size
from atoll_cluster.storage.volume import CAPABILITIES, HOST, count
from atoll_cluster.store.folder_limits import folder_limits


def usage_of_volume(call: Call) -> dict[str, Any]:
    """Return the disk usage of the volume, in percent and in bytes."""
    total, free = call.cluster.storage.volume.space()
    used = total - free
    return {"percentage": round(100 * used / total, 1), "used": used, "total": total}


async def hosts(call: Call) -> Response:
    """`GET /folders/_/hosts`: the host, if the caller may use it, with its usage."""
    volume = {
        "backend": "vfs",
        "capabilities": list(CAPABILITIES),
        "usage": usage_of_volume(call),
        "sftp_scaling_groups": [],
    }
    owner = call.owner
    usable = folder_limits(call.cluster.store, owner.user, owner.keypair).hosts
    allowed = [HOST] if HOST in usable or owner.is_superadmin else []
    info = dict.fromkeys(allowed, volume)
    return reply({"default": HOST if allowed else None, "allowed": allowed, "volume_info": info})


async def all_hosts(call: Call) -> Response:
    """`GET /folders/_/all-hosts`, for superadmins: the only host."""
    require_superadmin(call)
    return reply({"default": HOST, "allowed": [HOST]})


async def allowed_types(_: Call) -> Response:
    """`GET /folders/_/allowed-types`: who can own folders."""
    return reply(["user", "group"])


async def performance(call: Call) -> Response:
    """`GET /folders/_/perf-metric`, for superadmins: all zero, because nothing is measured."""
    require_superadmin(call)
    _check_host(call)
    metric = dict.fromkeys(
        ("iops_read", "iops_write", "io_bytes_read", "io_bytes_write", "io_usec_read",
         "io_usec_write"), 0,
    )  # fmt: skip
    return _wrapped(call, {"metric": metric})


async def quota(call: Call) -> Response:
    """`GET /folders/_/quota`: the limit and the used bytes of a folder."""
    _check_host(call)
    folder = find(call, call.params.required("id")).folder
    volume = call.cluster.storage.volume
    used = await on_disk(lambda: count(place(volume, folder)))
    return _wrapped(
        call,
        {"used_bytes": used.size, "limit_bytes": folder.max_size or 0, "file_count": used.count},
    )


async def set_quota(call: Call) -> Response:
    """`POST /folders/_/quota`: limit a folder; 0 removes the limit. For admins and owners."""
    _check_host(call)
    folder = find(call, call.params.required("id"), OWNER).folder
    text = str(call.params.mapping("input").get("size_bytes", ""))
    try:
        size = parse_size(text)
    except AmountError as error:
        raise invalid_params(f"size_bytes: {text!r} is not a size", {"input": "size"}) from error
    call.cluster.store.folders.update(folder.id, max_size=size or None)
    return reply({"size_bytes": size})


async def usage(call: Call) -> Response:
    """`GET /folders/_/usage` and `/_/used-bytes`, for superadmins: the usage of a folder."""
    require_superadmin(call)
    _check_host(call)
    folder = find(call, call.params.required("id")).folder
    volume = call.cluster.storage.volume
    used = await on_disk(lambda: count(place(volume, folder)))
    return _wrapped(call, {"used_bytes": used.size, "file_count": used.count})


async def fstab(call: Call) -> Response:
    """`GET /folders/_/fstab`, for superadmins: empty, because the cluster does not use it."""
    require_superadmin(call)
    return reply({"content": "", "node": "manager", "node_id": "manager"})


async def mounts(call: Call) -> Response:
    """`GET /folders/_/mounts`, for superadmins: the volume."""
    require_superadmin(call)
    nothing = {"success": True, "mounts": [], "message": ""}
    volume = nothing | {"mounts": [[HOST, str(call.cluster.storage.volume.root)]]}
    return reply({"manager": nothing, "storage-proxy": volume, "agents": {}})


async def change_mounts(call: Call) -> Response:
    """`POST` and `DELETE /folders/_/mounts`: always refused, in the form of other clusters."""
    require_superadmin(call)
    call.params.required("name")
    why = "this cluster mounts no file systems; mount it on the machine itself"
    return reply({"manager": {"success": False, "message": why}, "agents": {}})


def require_superadmin(call: Call) -> None:
    """Raise Problem 403 if the caller is not a superadmin."""
    if not call.caller.is_superadmin:
        raise forbidden("Only superadmins can do this")


def _check_host(call: Call) -> None:
    check_host(call.params.text("folder_host", "vfolder_host"))


def _wrapped(call: Call, content: dict[str, Any]) -> Response:
    return reply({"data": content} if is_modern(call) else content)


ROUTES: Routes = (
    route("GET", "/folders/_/hosts", hosts),
    route("GET", "/folders/_/all-hosts", all_hosts),
    route("GET", "/folders/_/all_hosts", all_hosts),
    route("GET", "/folders/_/allowed-types", allowed_types),
    route("GET", "/folders/_/allowed_types", allowed_types),
    route("GET", "/folders/_/perf-metric", performance),
    route("GET", "/folders/_/quota", quota),
    route("POST", "/folders/_/quota", set_quota),
    route("GET", "/folders/_/usage", usage),
    route("GET", "/folders/_/used-bytes", usage),
    route("GET", "/folders/_/fstab", fstab),
    route("GET", "/folders/_/mounts", mounts),
    route("POST DELETE", "/folders/_/mounts", change_mounts),
    route("POST", "/folders/_/umounts", change_mounts),
)
