"""Sessions and kernels in GraphQL."""

from typing import Any
from uuid import UUID

from atoll_cluster.api.gql.columns import CONTAINERS, SESSIONS, known_name
from atoll_cluster.api.gql.context import Context, Fields, Info, as_json, together
from atoll_cluster.api.gql.filters import Clause, compile_filter
from atoll_cluster.api.gql.images import image_fields
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.api.sessions.services import raw_service_ports
from atoll_cluster.images import REGISTRY, full_name
from atoll_cluster.scheduler.lifecycle import FOLLOWERS
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.slots import Slots, recorded
from atoll_cluster.store.records import DEAD, STATUSES, KernelRow, Session
from atoll_cluster.store.sessions import NEWEST, Page

_OCCUPYING = frozenset(
    {"SCHEDULED", "PREPARING", "RUNNING", "RESTARTING", "RUNNING_DEGRADED", "TERMINATING"}
)


def select(
    ctx: Context, scope: list[Clause], limit: int, offset: int, order: str = NEWEST
) -> tuple[list[Session], int]:
    """Return a page of the sessions in the scope, and their total number."""
    where = together(scope)
    page = Page(max(limit, 0), max(offset, 0))
    found = ctx.store.sessions.page(where.sql, where.values, order, page)
    ctx.remember_kernels(found)
    return found, ctx.store.sessions.count(where.sql, where.values)


def scope_of(ctx: Context, args: dict[str, Any]) -> list[Clause]:
    """Convert the common arguments of session lists to conditions."""
    scope = ctx.session_scope(args.get("domain_name"), args.get("access_key"))
    if group_id := args.get("group_id"):
        scope.append(Clause("sessions.group_id = ?", (str(group_id),)))
    if status := args.get("status"):
        scope.append(status_clause(status))
    return scope


def status_clause(names: str) -> Clause:
    """Match sessions in any status of a comma-separated list; raises FilterError."""
    known = frozenset(STATUSES)
    wanted = [known_name("status", name.strip(), known) for name in names.split(",")]
    if FOLLOWERS.keys() <= set(wanted):
        return Clause("1", ())  # These are all statuses here, so no condition is needed.
    # Most sessions have ended. The index of statuses finds the others quickly, but for ended ones,
    # the index with the order of the list is faster. The plus sign disables the index of statuses.
    column = "+sessions.status" if DEAD.intersection(wanted) else "sessions.status"
    return Clause(f"{column} IN ({', '.join('?' * len(wanted))})", tuple(wanted))


def compute_session_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `compute_session_list`."""
    ctx = info.context
    scope = [*scope_of(ctx, args), compile_filter(args.get("filter") or "", SESSIONS)]
    order = compile_order(args.get("order") or "", SESSIONS, default=NEWEST)
    found, total = select(ctx, scope, limit, offset, order)
    return {"items": [session_fields(ctx, one) for one in found], "total_count": total}


def compute_session(_: Any, info: Info, id: str) -> Fields | None:
    """Resolve `compute_session`; null if the caller may not see the session."""
    ctx = info.context
    session = visible(ctx, str(id))
    return session_fields(ctx, session) if session else None


def visible(ctx: Context, session_id: str) -> Session | None:
    """Find a session by its id; None if the caller may not see it."""
    scope = [Clause("sessions.id = ?", (session_id.lower(),)), *ctx.session_scope(None, None)]
    found, _ = select(ctx, scope, 1, 0)
    return found[0] if found else None


def compute_container_list(
    _: Any, info: Info, limit: int, offset: int, session_id: str, **args: Any
) -> Fields:
    """Resolve `compute_container_list`: the kernels of one session."""
    ctx = info.context
    session = visible(ctx, session_id)
    if session is None:
        return {"items": [], "total_count": 0}
    scope = [compile_filter(args.get("filter") or "", CONTAINERS)]
    if role := args.get("role"):
        scope.append(Clause("kernels.cluster_role = ?", (role,)))
    where = together(scope)
    order = compile_order(args.get("order") or "", CONTAINERS, default="kernels.cluster_idx")
    found = ctx.store.kernels.select(session.id, where.sql, where.values, order)
    page = found[max(offset, 0) :][: max(limit, 0)]
    return {
        "items": [container_fields(ctx, session, kernel) for kernel in page],
        "total_count": len(found),
    }


def compute_container(_: Any, info: Info, id: str) -> Fields | None:
    """Resolve `compute_container`."""
    ctx = info.context
    kernel = ctx.store.kernels.get(str(id))
    session = visible(ctx, kernel.session_id) if kernel else None
    return container_fields(ctx, session, kernel) if session and kernel else None


def session_fields(ctx: Context, session: Session) -> Fields:
    """Return `ComputeSession`."""
    kernels = ctx.kernels(session)
    agents = list(dict.fromkeys(one.agent for one in kernels if one.agent))
    occupied = as_json(_occupied(kernels).as_text())
    return common_fields(ctx, session) | {
        "id": session.id,
        "session_id": session.id,
        "main_kernel_id": kernels[0].id,
        "main_kernel_role": session.type,
        "cluster_template": None,
        "cluster_mode": session.cluster_mode,
        "cluster_size": session.cluster_size,
        "full_name": lambda _: _of(ctx.user(session.user_uuid), "full_name"),
        "user_id": session.user_uuid,
        "created_user_email": lambda _: _of(ctx.user(session.user_uuid), "email"),
        "created_user_id": session.user_uuid,
        "status_data": as_json(_status_data(session, kernels[0])),
        "status_history": lambda _: as_json(ctx.store.sessions.history(session.id)),
        "starts_at": session.starts_at,
        "scheduled_at": session.scheduled_at,
        "commit_status": "ready",
        "abusing_reports": [],
        "idle_checks": lambda _: as_json(ctx.cluster.scheduler.idleness.checks(session.id)),
        "agent_ids": agents,
        "agents": agents,
        "mounts": mount_names(session),
        "vfolder_mounts": [dashed(one) for one in _mounts(session, "vfolder")],
        "occupying_slots": occupied,
        "occupied_slots": occupied,
        "requested_slots": as_json(_requested(session).as_text()),
        "containers": lambda _: [container_fields(ctx, session, one) for one in kernels],
        "dependencies": lambda _: [
            session_fields(ctx, ctx.store.sessions.get(other)) for other in session.dependencies
        ],
        "inference_metrics": "{}",
        "priority": session.priority,
    }


def common_fields(ctx: Context, session: Session) -> Fields:
    """Return the fields common to `ComputeSession` and `LegacyComputeSession`."""
    return {
        "tag": session.tag,
        "name": session.name,
        "type": session.type,
        "image": full_name(session.image),
        "architecture": session.architecture,
        "registry": REGISTRY,
        "domain_name": session.domain_name,
        "group_name": lambda _: _of(ctx.group(session.group_id), "name"),
        "group_id": session.group_id,
        "scaling_group": session.scaling_group,
        "user_email": lambda _: _of(ctx.user(session.user_uuid), "email"),
        "access_key": session.access_key,
        "status": session.status,
        "status_changed": session.status_changed,
        "status_info": session.status_info or "",
        "created_at": session.created_at,
        "terminated_at": session.terminated_at,
        "startup_command": session.startup_command,
        "result": session.result,
        "service_ports": lambda _: as_json(raw_service_ports(ctx.cluster, session)),
        "resource_opts": as_json(session.resource_opts),
        "num_queries": session.num_queries,
    }


def mount_names(session: Session) -> list[str]:
    """Return the names of a session's folders, including those that are mounted automatically."""
    return _mounts(session, "name")


def _mounts(session: Session, key: str) -> list[str]:
    """Return one value of each mount of a session; ignores invalid mounts in the row."""
    mounts = [mount for mount in session.vfolder_mounts if isinstance(mount, dict)]
    return [mount[key] for mount in mounts if isinstance(mount.get(key), str)]


def dashed(folder_id: str) -> str:
    """Return the id of a folder with dashes, as in a UUID."""
    try:
        return str(UUID(folder_id))
    except ValueError:
        return folder_id


def container_fields(ctx: Context, session: Session, kernel: KernelRow) -> Fields:
    """Return `ComputeContainer`."""
    return {
        "id": kernel.id,
        "kernel_id": kernel.id,
        "idx": kernel.cluster_idx,
        "role": kernel.cluster_role,
        "hostname": kernel.cluster_hostname,
        "cluster_idx": kernel.cluster_idx,
        "local_rank": kernel.cluster_idx - 1,
        "cluster_role": kernel.cluster_role,
        "cluster_hostname": kernel.cluster_hostname,
        "session_id": session.id,
        "image": full_name(session.image),
        "architecture": session.architecture,
        "registry": REGISTRY,
        "status": kernel.status,
        "status_changed": kernel.status_changed,
        "status_info": kernel.status_info or "",
        "status_data": as_json(_status_data(kernel, kernel)),
        "created_at": kernel.created_at,
        "terminated_at": kernel.terminated_at,
        "starts_at": session.starts_at,
        "scheduled_at": session.scheduled_at,
        "agent": kernel.agent,
        "agent_addr": _address(ctx, kernel),
        "container_id": kernel.container_id,
        "resource_opts": as_json(session.resource_opts),
        "occupied_slots": as_json(kernel.occupied_slots),
        "live_stat": lambda _: as_json(ctx.cluster.scheduler.metering.live(kernel.id)),
        "last_stat": as_json(kernel.last_stat),
        "preopen_ports": list(session.preopen_ports),
        "image_object": lambda _: _image_object(ctx, session),
    }


def _address(ctx: Context, kernel: KernelRow) -> str | None:
    if kernel.agent == AGENT:
        return "127.0.0.1"
    node = ctx.cluster.nodes.find(kernel.agent)
    return node.address or node.name if node else kernel.agent


def _image_object(ctx: Context, session: Session) -> Fields | None:
    found = ctx.cluster.images.named(session.image)
    return image_fields(ctx, found) if found.argv else None


def _status_data(record: Session | KernelRow, kernel: KernelRow) -> dict[str, Any] | None:
    """Return the status data, and the id, machine and time limit of the kernel in the engine."""
    place = {"id": kernel.engine_id, "node": kernel.agent, "ends_at": kernel.ends_at}
    if kernel.engine_id is None:
        return record.status_data  # type: ignore[return-value]
    known = {name: value for name, value in place.items() if value is not None}
    return {**(record.status_data or {}), "engine": known}


def _of(record: object, name: str) -> Any:
    return getattr(record, name, None)


def _occupied(kernels: list[KernelRow]) -> Slots:
    held = Slots()
    for kernel in kernels:
        if kernel.status in _OCCUPYING:
            held += recorded(kernel.occupied_slots)
    return held


def _requested(session: Session) -> Slots:
    return recorded(session.requested_slots).times(session.cluster_size)
