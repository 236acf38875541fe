"""`POST /session`: create a session, or reuse one with this name, and wait until it runs."""

from typing import Any

import anyio
from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import Problem
from atoll_cluster.api.sessions.creation import SessionRequest, read_session_request
from atoll_cluster.api.sessions.limits import check_limits
from atoll_cluster.api.sessions.mounts import note_use
from atoll_cluster.api.sessions.services import raw_service_ports, service_ports
from atoll_cluster.api.sessions.waiting import settled, while_connected
from atoll_cluster.slots import from_text
from atoll_cluster.store.records import ENDED, Session


async def create(call: Call) -> Response:
    """Answer 201 with the new or reused session."""
    request = read_session_request(call)
    max_wait = call.params.integer("maxWaitSeconds", "max_wait_seconds", default=0)
    enqueue_only = call.params.boolean("enqueueOnly", "enqueue_only")
    if existing := _existing(call, request):
        return reply(_reused(call, existing, request), 201)
    check_limits(call, request.session)
    call.cluster.scheduler.submit(request.session, request.kernels())
    note_use(call.cluster, request.session.vfolder_mounts)
    if enqueue_only:
        return reply(_created(call, request.session, request, "PENDING"), 201)
    session = await _wait_for_start(call, request.session.id, max_wait)
    waiting = session.status not in ENDED | {"RUNNING"}
    return reply(_created(call, session, request, "TIMEOUT" if waiting else session.status), 201)


def _existing(call: Call, request: SessionRequest) -> Session | None:
    """Return the session with this name, None without one; raises Problem 400 if it differs."""
    found = call.cluster.store.sessions.find(request.session.name, request.session.access_key)
    if not found:
        return None
    session = found[0]
    reuse = call.params.boolean("reuseIfExists", "reuse", default=True)
    if reuse and session.image == request.session.image:
        return session
    why = "with another image" if reuse else "and reuse was not requested"
    raise Problem(
        400,
        "session-already-exists",
        "The session already exists but not matched with the request.",
        f"session {session.name!r} exists {why}",
        {"existingSessionId": session.id},
    )


async def _wait_for_start(call: Call, session_id: str, seconds: int) -> Session:
    """Wait until the session runs or has ended, at most for `seconds`; 0 means no limit."""
    with anyio.move_on_after(seconds or None):
        await while_connected(call.request, lambda: settled(call, session_id))
    return call.cluster.store.sessions.get(session_id)


def _created(call: Call, session: Session, request: SessionRequest, status: str) -> dict[str, Any]:
    return {
        "sessionId": session.id,
        "sessionName": session.name,
        "status": status,
        "statusInfo": session.status_info,
        "servicePorts": service_ports(call.cluster, session) if status == "RUNNING" else [],
        "created": True,
        **_served(request),
        **_simulated(call, session),
    }


def _reused(call: Call, session: Session, request: SessionRequest) -> dict[str, Any]:
    return {
        "sessionId": session.id,
        "sessionName": session.name,
        "status": session.status,
        "statusInfo": session.status_info,
        "service_ports": raw_service_ports(call.cluster, session),
        "servicePorts": service_ports(call.cluster, session),
        "created": False,
        **_served(request),
    }


def _served(request: SessionRequest) -> dict[str, Any]:
    """Return which runtime serves the requested image (an addition of this cluster)."""
    resolution = request.resolution
    return {"servedBy": resolution.image.canonical, "servedExactly": resolution.exact}


def _simulated(call: Call, session: Session) -> dict[str, Any]:
    """Return the simulated slots of a session (an addition of this cluster)."""
    machine = call.cluster.machine
    held = from_text(dict(session.requested_slots))
    return {"pretendedSlots": held.lacking(machine.real) if machine.is_bounded else []}


ROUTES: Routes = (
    route("POST", "/session", create),
    route("POST", "/session/_/create", create),
)
