"""Virtual folders in GraphQL."""

import base64
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from attrs import evolve

from atoll_cluster.api.folders.access import as_id
from atoll_cluster.api.folders.disk import on_disk, place
from atoll_cluster.api.folders.shapes import max_size, status_of
from atoll_cluster.api.gql.columns import Column
from atoll_cluster.api.gql.context import Context, Fields, Info, together
from atoll_cluster.api.gql.entities import EntityType, Resolvers, listing, paging
from atoll_cluster.api.gql.filters import Clause, compile_filter
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.storage.volume import count
from atoll_cluster.store.folders import DELETING, VFolder
from atoll_cluster.store.policies import HOST_PERMISSIONS

_TEXTS = (
    "id", "host", "name", "creator", "unmanaged_path", "usage_mode", "permission", "status", "user",
    "domain_name",
)  # fmt: skip
_SCOPE_ID = "CASE WHEN user IS NULL THEN 'project:' || group_id ELSE 'user:' || user END"
VFOLDERS: Mapping[str, Column] = {
    **{name: Column(f"vfolders.{name}") for name in _TEXTS},
    "group": Column("vfolders.group_id"),
    "group_name": Column("(SELECT name FROM groups WHERE id = vfolders.group_id)"),
    "user_email": Column("(SELECT email FROM users WHERE uuid = vfolders.user)"),
    "quota_scope_id": Column(_SCOPE_ID),
    "ownership_type": Column("CASE WHEN user IS NULL THEN 'group' ELSE 'user' END"),
    "max_files": Column("0", "number"),
    "max_size": Column("vfolders.max_size", "number"),
    "created_at": Column("vfolders.created_at", "time"),
    "last_used": Column("vfolders.last_used", "time"),
    "cloneable": Column("vfolders.cloneable", "boolean"),
}
_NODE = "VirtualFolderNode"
_LIVING = Clause("vfolders.status != ?", (DELETING,))
_SHARED = "vfolders.id IN (SELECT vfolder FROM vfolder_permissions WHERE user = ?)"
_OF_GROUPS = "vfolders.group_id IN (SELECT group_id FROM group_members WHERE user_uuid = ?)"


def vfolder_fields(ctx: Context, folder: VFolder) -> Fields:
    """Return `VirtualFolder`; counts the files only if the query needs this."""
    owner = ctx.user(folder.user) if folder.user else None
    group = ctx.group(folder.group_id) if folder.group_id else None
    path = place(ctx.cluster.storage.volume, folder)
    return {
        "id": str(UUID(folder.id)),
        "host": folder.host,
        "quota_scope_id": folder.quota_scope_id,
        "name": folder.name,
        "user": folder.user,
        "user_email": owner.email if owner else None,
        "group": folder.group_id,
        "group_name": group.name if group else None,
        "creator": folder.creator,
        "unmanaged_path": folder.unmanaged_path,
        "usage_mode": folder.usage_mode,
        "permission": folder.permission,
        "ownership_type": folder.ownership_type,
        "max_files": 0,
        "max_size": max_size(folder),
        "created_at": folder.created_at,
        "last_used": folder.last_used,
        "num_files": lambda _: on_disk(lambda: count(path).count),
        "cur_size": lambda _: on_disk(lambda: count(path).size),
        "cloneable": folder.cloneable,
        "status": lambda _: status_of(folder, ctx.store.folders.mounted()),
        "domain_name": folder.domain_name,
    }


def _shared_fields(ctx: Context, folder: VFolder) -> Fields:
    """Return `VirtualFolder` with the caller's permission."""
    shares = ctx.store.folders.shares(folder.id, ctx.caller.user.uuid)
    given = {"permission": shares[0].permission} if shares else {}
    return vfolder_fields(ctx, folder) | given


VFOLDER = EntityType(
    label="virtual folder",
    payload="vfolder",
    table=lambda ctx: ctx.store.folders.table,
    fields=vfolder_fields,
    columns=VFOLDERS,
    order="vfolders.created_at DESC, vfolders.id",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions: superadmins see all, domain admins their domain's, others own ones."""
    caller, group_id = ctx.caller, args.get("group_id")
    domain = ctx.domain_for(args.get("domain_name"))
    scope = [_LIVING]
    if domain:
        scope.append(Clause("vfolders.domain_name = ?", (domain,)))
    if group_id:
        scope.append(Clause("vfolders.group_id = ?", (str(group_id),)))
    if access_key := args.get("access_key"):
        scope.append(Clause("vfolders.user = ?", (ctx.acting_for(access_key).user.uuid,)))
    if not (caller.is_superadmin or caller.is_domain_admin):
        mine = _OF_GROUPS if group_id else "vfolders.user = ?"
        scope.append(Clause(mine, (caller.user.uuid,)))
    return scope


def _own(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    return [_LIVING, Clause("vfolders.user = ?", (_whose(ctx, args),))]


def _invited(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    return [_LIVING, Clause("vfolders.user IS NOT NULL"), Clause(_SHARED, (_whose(ctx, args),))]


def _project(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    return [_LIVING, Clause(_OF_GROUPS, (_whose(ctx, args),))]


def _whose(ctx: Context, args: Mapping[str, Any]) -> str:
    return ctx.acting_for(args.get("access_key")).user.uuid


def _having(ctx: Context) -> list[Clause]:
    """Return the conditions for the folders that the caller can access; superadmins see all."""
    if ctx.caller.is_superadmin:
        return [_LIVING]
    user = ctx.caller.user.uuid
    return [_LIVING, Clause(f"vfolders.user = ? OR {_SHARED} OR {_OF_GROUPS}", (user,) * 3)]


def vfolder(_: Any, info: Info, id: str | None = None) -> Fields | None:
    """Resolve `vfolder`, for superadmins."""
    ctx = info.context
    ctx.require_superadmin()
    found = ctx.store.folders.get(as_id(id or "") or "")
    return vfolder_fields(ctx, found) if found else None


def vfolder_permission_list(_: Any, info: Info, limit: int, offset: int, **__: Any) -> Fields:
    """Resolve `vfolder_permission_list`, for superadmins: all shares of folders."""
    ctx = info.context
    ctx.require_superadmin()
    shares = ctx.store.folders.shares()
    items = []
    for share in shares[max(offset, 0) :][: max(limit, 0)]:
        folder, user = ctx.store.folders.get(share.vfolder), ctx.user(share.user)
        items.append(
            {
                "id": f"{share.vfolder}:{share.user}",
                "permission": share.permission,
                "vfolder": str(UUID(share.vfolder)),
                "vfolder_name": folder.name if folder else None,
                "user": share.user,
                "user_email": user.email if user else None,
            }
        )
    return {"items": items, "total_count": len(shares)}


def host_permissions(_: Any, __: Info) -> Fields:
    """Resolve `vfolder_host_permissions`: the names of the permissions."""
    return {"vfolder_host_permission_list": list(HOST_PERMISSIONS)}


def vfolder_node(_: Any, info: Info, id: str) -> Fields | None:
    """Resolve `vfolder_node` by a global id or a plain one."""
    ctx = info.context
    where = together([*_having(ctx), Clause("vfolders.id = ?", (_read_global_id(id),))])
    found = ctx.store.folders.select(where.sql, where.values)
    return _node_fields(ctx, found[0]) if found else None


def vfolder_nodes(_: Any, info: Info, **args: Any) -> Fields:
    """Resolve `vfolder_nodes`: a page of the caller's folders, by `offset` and `first`."""
    ctx = info.context
    scope = [*_having(ctx), compile_filter(args.get("filter") or "", VFOLDERS)]
    if args.get("project_id"):
        scope.append(Clause("vfolders.group_id = ?", (str(args["project_id"]),)))
    where = together(scope)
    order = compile_order(args.get("order") or "", VFOLDERS, default=VFOLDER.order)
    first, offset = max(args.get("first") or 20, 0), max(args.get("offset") or 0, 0)
    found = ctx.store.folders.table.select(where.sql, where.values, order, first, offset)
    total = ctx.store.folders.table.count(where.sql, where.values)
    return {
        "pageInfo": {
            "hasNextPage": offset + len(found) < total,
            "hasPreviousPage": offset > 0,
        },
        "edges": [{"node": _node_fields(ctx, one), "cursor": one.id} for one in found],
        "count": total,
    }


def _node_fields(ctx: Context, folder: VFolder) -> Fields:
    fields = vfolder_fields(ctx, folder)
    global_id = base64.b64encode(f"{_NODE}:{fields['id']}".encode()).decode()
    return fields | {"id": global_id, "row_id": fields["id"], "permissions": []}


def _read_global_id(text: str) -> str:
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        decoded = ""
    return as_id(decoded.partition(":")[2]) or as_id(text) or ""


QUERIES: Resolvers = {
    "vfolder": vfolder,
    "vfolder_list": paging(VFOLDER, _scope),
    "vfolders": listing(VFOLDER, _scope),
    "vfolder_own_list": paging(VFOLDER, _own),
    "vfolder_invited_list": paging(evolve(VFOLDER, fields=_shared_fields), _invited),
    "vfolder_project_list": paging(VFOLDER, _project),
    "vfolder_permission_list": vfolder_permission_list,
    "vfolder_host_permissions": host_permissions,
    "vfolder_node": vfolder_node,
    "vfolder_nodes": vfolder_nodes,
}
