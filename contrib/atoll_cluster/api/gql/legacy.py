"""Sessions in two other forms: for clients before v5 of the API, and for those of 26.x."""

import base64
import binascii
from typing import Any

from atoll_cluster.api.gql.columns import SESSIONS, FilterError
from atoll_cluster.api.gql.context import Context, Fields, Info, as_json
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.orders import compile_order
from atoll_cluster.api.gql.sessions import (
    common_fields,
    container_fields,
    mount_names,
    scope_of,
    select,
    session_fields,
    visible,
)
from atoll_cluster.scheduler.metering import amount
from atoll_cluster.slots import recorded
from atoll_cluster.store.records import Session

_MEBIBYTE = 1024 * 1024
_NODE = "compute_session_node"
_NOT_MEASURED = ("net_rx_bytes", "net_tx_bytes")
_FIGURES = {
    "cpu_used": ("cpu_used", "current"),
    "mem_max_bytes": ("mem", "stats.max"),
    "mem_cur_bytes": ("mem", "current"),
    "io_read_bytes": ("io_read", "current"),
    "io_write_bytes": ("io_write", "current"),
    "io_max_scratch_size": ("io_scratch_size", "stats.max"),
    "io_cur_scratch_size": ("io_scratch_size", "current"),
}
"""Fields with whole numbers, and the metric and value that each contains."""


def legacy_compute_session_list(_: Any, info: Info, limit: int, offset: int, **args: Any) -> Fields:
    """Resolve `legacy_compute_session_list`."""
    ctx = info.context
    sign = "+" if args.get("order_asc", True) else "-"
    key = args.get("order_key")
    order = compile_order(f"{sign}{key}" if key else "-created_at", SESSIONS, default="sequence")
    found, total = select(ctx, scope_of(ctx, args), limit, offset, order)
    return {"items": [legacy_fields(ctx, one) for one in found], "total_count": total}


def legacy_compute_session(_: Any, info: Info, sess_id: str, **args: Any) -> Fields | None:
    """Resolve `legacy_compute_session` by id or name; several with this name give the latest."""
    ctx = info.context
    named = Clause("sessions.name = ? OR sessions.id = ?", (sess_id, sess_id))
    found, _total = select(ctx, [*scope_of(ctx, args), named], 1, 0)
    return legacy_fields(ctx, found[0]) if found else None


def legacy_fields(ctx: Context, session: Session) -> Fields:
    """Return `LegacyComputeSession`."""
    kernel = ctx.store.kernels.main(session.id)
    slots = recorded(kernel.occupied_slots)
    live = ctx.cluster.scheduler.metering.live(kernel.id)
    stat = live or kernel.last_stat
    fields = common_fields(ctx, session) | dict.fromkeys(_NOT_MEASURED, 0)
    return fields | {
        **{name: int(amount(stat, *where)) for name, where in _FIGURES.items()},
        "cpu_using": amount(stat, "cpu_util", "pct"),
        "id": kernel.id,
        "sess_id": session.name,
        "sess_type": session.type,
        "session_name": session.name,
        "session_type": session.type,
        "role": kernel.cluster_role,
        "user_uuid": session.user_uuid,
        "agent": kernel.agent,
        "container_id": kernel.container_id,
        "occupied_slots": as_json(kernel.occupied_slots),
        "occupied_shares": "{}",
        "mounts": mount_names(session),
        "live_stat": as_json(live),
        "last_stat": as_json(kernel.last_stat),
        "lang": session.image,
        "mem_slot": slots.mem // _MEBIBYTE,
        "cpu_slot": float(slots.cpu),
        "gpu_slot": float(slots.devices.get("cuda.shares", 0)),
        "tpu_slot": 0.0,
    }


def compute_session_node(_: Any, info: Info, id: str, **__: Any) -> Fields | None:
    """Resolve `compute_session_node` by a global id: base64 of `compute_session_node:<uuid>`."""
    ctx = info.context
    session = visible(ctx, _read_global_id(id))
    return _node_fields(ctx, session) if session else None


def _node_fields(ctx: Context, session: Session) -> Fields:
    kernels = ctx.store.kernels.of(session.id)
    return session_fields(ctx, session) | {
        "id": _global_id(session.id),
        "row_id": session.id,
        "session_type": session.type,
        "project_id": session.group_id,
        "image_references": [session.image],
        "kernel_nodes": {
            "pageInfo": {"hasNextPage": False, "hasPreviousPage": False},
            "edges": [
                {"node": container_fields(ctx, session, kernel), "cursor": kernel.id}
                for kernel in kernels
            ],
            "count": len(kernels),
        },
    }


def _global_id(row_id: str) -> str:
    return base64.b64encode(f"{_NODE}:{row_id}".encode()).decode()


def _read_global_id(text: str) -> str:
    """Read a global id, with or without padding, or a plain UUID."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return text
    kind, colon, row_id = decoded.partition(":")
    if not colon:
        return text
    if kind.lower() not in {_NODE, "computesessionnode"}:
        raise FilterError(f"not the id of a session: {kind}")
    return row_id
