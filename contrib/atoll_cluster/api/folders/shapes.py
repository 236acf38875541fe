"""Convert folders to the forms of the API."""

from typing import Any

from atoll_cluster.api.folders.access import Access
from atoll_cluster.storage.volume import Usage
from atoll_cluster.store.folders import VFolder
from atoll_cluster.store.store import Store

_MEBIBYTE = 1024 * 1024
MOUNTED = "mounted"


def status_of(folder: VFolder, mounted: dict[str, list[str]]) -> str:
    """Return the status of a folder; it is `mounted` while a session mounts the folder."""
    return MOUNTED if folder.status == "ready" and folder.id in mounted else folder.status


def max_size(folder: VFolder) -> int | None:
    """Return the limit of a folder in MiB, None if it has none."""
    return folder.max_size // _MEBIBYTE if folder.max_size else None


def created(folder: VFolder) -> dict[str, Any]:
    """Return the answer to `POST /folders`."""
    unmanaged = {"unmanaged_path": folder.unmanaged_path} if folder.unmanaged_path else {}
    return _common(folder) | unmanaged | {"is_owner": True, "created_at": folder.created_at}


def listed(store: Store, access: Access, mounted: dict[str, list[str]]) -> dict[str, Any]:
    """Return an entry of `GET /folders`."""
    folder = access.folder
    owner = store.accounts.user(folder.user) if folder.user else None
    group = store.accounts.group(folder.group_id) if folder.group_id else None
    return _common(folder) | {
        "status": status_of(folder, mounted),
        "created_at": folder.created_at,
        "last_used": folder.last_used,
        "is_owner": access.is_owner,
        "permission": access.permission,
        "user_email": owner.email if owner else None,
        "group_name": group.name if group else None,
        "type": folder.ownership_type,
        "unmanaged_path": folder.unmanaged_path,
        "max_files": 0,
        "cur_size": 0,
    }


def described(access: Access, usage: Usage, mounted: dict[str, list[str]]) -> dict[str, Any]:
    """Return the answer to `GET /folders/{f}`; it has one field under the names of all releases."""
    folder = access.folder
    return _common(folder) | {
        "status": status_of(folder, mounted),
        "num_files": usage.count,
        "numFiles": usage.count,
        "used_bytes": usage.size,
        "cur_size": usage.size // _MEBIBYTE,
        "created": folder.created_at,
        "created_at": folder.created_at,
        "last_used": folder.last_used,
        "type": folder.ownership_type,
        "is_owner": access.is_owner,
        "permission": access.permission,
    }


def _common(folder: VFolder) -> dict[str, Any]:
    return {
        "id": folder.id,
        "name": folder.name,
        "quota_scope_id": folder.quota_scope_id,
        "host": folder.host,
        "usage_mode": folder.usage_mode,
        "permission": folder.permission,
        "max_size": max_size(folder),
        "creator": folder.creator,
        "ownership_type": folder.ownership_type,
        "user": folder.user,
        "group": folder.group_id,
        "cloneable": folder.cloneable,
        "status": folder.status,
    }
