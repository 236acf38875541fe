"""Storage volumes in GraphQL; this cluster has one."""

from typing import Any

from atoll_cluster.api.gql.context import Context, Fields, Info, as_json
from atoll_cluster.api.gql.entities import Resolvers
from atoll_cluster.storage.volume import CAPABILITIES, HOST


def storage_volume(_: Any, info: Info, id: str | None = None) -> Fields | None:
    """Resolve `storage_volume`, for superadmins."""
    info.context.require_superadmin()
    return _fields(info.context) if id == HOST else None


def storage_volume_list(_: Any, info: Info, limit: int, offset: int, **__: Any) -> Fields:
    """Resolve `storage_volume_list`, for superadmins; ignores the filter, as all managers do."""
    info.context.require_superadmin()
    return {"items": [_fields(info.context)][max(offset, 0) :][: max(limit, 0)], "total_count": 1}


def _fields(ctx: Context) -> Fields:
    """Return `StorageVolume`."""
    volume = ctx.cluster.storage.volume
    total, free = volume.space()
    proxy, _, name = HOST.partition(":")
    return {
        "id": HOST,
        "backend": "vfs",
        "fsprefix": ".",
        "path": str(volume.root),
        "capabilities": list(CAPABILITIES),
        "hardware_metadata": as_json({"status": "healthy", "status_info": None, "metadata": {}}),
        "performance_metric": "{}",
        "usage": as_json({"capacity_bytes": total, "used_bytes": total - free}),
        "proxy": proxy,
        "name": name,
    }


QUERIES: Resolvers = {
    "storage_volume": storage_volume,
    "storage_volume_list": storage_volume_list,
}
