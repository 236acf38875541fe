"""`/logs/error`: errors that programs report to administrators."""

import uuid
from typing import Any

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import invalid_params, not_found
from atoll_cluster.store.administration import ErrorLog

_SEVERITIES = ("critical", "error", "warning", "info", "debug")
_LONGEST = 64 * 1024
_MOST_KEPT = 10_000


async def append(call: Call) -> Response:
    """`POST /logs/error`: add a report."""
    params, table = call.params, call.cluster.store.tables.error_logs
    severity = params.required("severity").lower()
    if severity not in _SEVERITIES:
        why = f"severity: {severity!r} is not one of {', '.join(_SEVERITIES)}"
        raise invalid_params(why, {"severity": why})
    status = params.integer("request_status", default=0)
    log = ErrorLog(
        log_id=str(uuid.uuid4()),
        created_at=clock.now(),
        severity=severity,
        source=params.required("source")[:_LONGEST],
        user=call.caller.user.uuid,
        message=params.required("message")[:_LONGEST],
        context_lang=params.required("context_lang")[:_LONGEST],
        context_env=(params.text("context_env") or "{}")[:_LONGEST],
        request_url=params.text("request_url"),
        request_status=status or None,
        traceback=(params.text("traceback") or "")[:_LONGEST] or None,
    )
    with table.db.transaction():
        table.add(log)
        _drop_oldest(call)
    return reply({"success": True})


def _drop_oldest(call: Call) -> None:
    table = call.cluster.store.tables.error_logs
    if table.count() > _MOST_KEPT:
        table.delete(table.select(order="created_at", limit=1)[0].log_id)


async def list_(call: Call) -> Response:
    """`GET /logs/error`: a page of the reports that the caller can see, the newest first."""
    size = call.params.integer("page_size", default=20, minimum=1, maximum=100)
    number = call.params.integer("page_no", default=1, minimum=1)
    where, values = _visible(call)
    table = call.cluster.store.tables.error_logs
    found = table.select(where, values, "created_at DESC, log_id", size, (number - 1) * size)
    answer = {"logs": [_as_json(call, one) for one in found], "count": table.count(where, values)}
    if call.params.boolean("mark_read"):
        with table.db.transaction():
            for one in found:
                table.update(one.log_id, {"is_read": True})
    return reply(answer)


async def clear(call: Call) -> Response:
    """`POST /logs/error/{log_id}/clear`: hide a report from lists."""
    table, log_id = call.cluster.store.tables.error_logs, call.path("log_id")
    where, values = _visible(call)
    if not table.select(f"({where}) AND log_id = ?", (*values, log_id)):
        raise not_found("error log", f"no error log {log_id}")
    table.update(log_id, {"is_cleared": True})
    return reply({"success": True})


def _visible(call: Call) -> tuple[str, tuple[str, ...]]:
    """Return the condition for reports that the caller can see."""
    caller = call.caller
    if caller.is_superadmin:
        return "1", ()
    if caller.is_domain_admin:
        theirs = "user IN (SELECT uuid FROM users WHERE domain_name = ?)"
        return theirs, (caller.user.domain_name,)
    return "user = ? AND NOT is_cleared", (caller.user.uuid,)


def _as_json(call: Call, log: ErrorLog) -> dict[str, Any]:
    content = {
        "log_id": log.log_id,
        "created_at": clock.parse(log.created_at).timestamp(),
        "severity": log.severity,
        "source": log.source,
        "user": log.user,
        "is_read": log.is_read,
        "message": log.message,
        "context_lang": log.context_lang,
        "context_env": log.context_env,
        "request_url": log.request_url,
        "request_status": log.request_status,
        "traceback": log.traceback,
    }
    is_admin = call.caller.is_superadmin or call.caller.is_domain_admin
    return content | ({"is_cleared": log.is_cleared} if is_admin else {})


ROUTES: Routes = (
    route("POST", "/logs/error", append),
    route("GET", "/logs/error", list_),
    route("POST", "/logs/error/{log_id}/clear", clear),
)
