"""Show, end, rename and restart single sessions, and show their histories."""

from typing import Any

from starlette.responses import Response

from atoll_cluster import clock
from atoll_cluster.api.request.call import Call, Routes, no_content, reply, route
from atoll_cluster.api.request.problems import bad_request, forbidden, kernel_failed
from atoll_cluster.api.sessions.creation import read_name
from atoll_cluster.api.sessions.dependencies import graph_of, with_dependents
from atoll_cluster.api.sessions.naming import named_session
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.api.sessions.waiting import settled, while_connected
from atoll_cluster.images import full_name
from atoll_cluster.scheduler.lifecycle import StatusError
from atoll_cluster.store.records import DEAD, Session

_NEEDS_FORCE = frozenset({"SCHEDULED", "PREPARING", "TERMINATING", "ERROR"})


async def info(call: Call) -> Response:
    """`GET /session/{s}`: some values are texts in Python's notation, as in all managers."""
    session = named_session(call)
    kernel = call.cluster.store.kernels.main(session.id)
    slots = str(dict(session.requested_slots))
    age = clock.parse(clock.now()) - clock.parse(session.created_at)
    answer: dict[str, Any] = {
        "domainName": session.domain_name,
        "groupId": session.group_id,
        "userId": session.user_uuid,
        "lang": session.asked_image,
        "image": full_name(session.image),
        "architecture": session.architecture,
        "registry": None,
        "tag": session.tag,
        "containerId": kernel.id,
        "occupiedSlots": str(dict(kernel.occupied_slots)),
        "occupyingSlots": str(dict(kernel.occupied_slots)),
        "requestedSlots": slots,
        "occupiedShares": "{}",
        "environ": str(dict(session.environ)),
        "resourceOpts": str(dict(session.resource_opts)),
        "status": session.status,
        "statusInfo": str(session.status_info),
        "statusData": session.status_data,
        "age": int(age.total_seconds() * 1000),
        "creationTime": session.created_at.replace("T", " "),
        "terminationTime": session.terminated_at,
        "numQueriesExecuted": session.num_queries,
        "lastStat": call.cluster.scheduler.metering.live(kernel.id) or kernel.last_stat,
        "idleChecks": call.cluster.scheduler.idleness.checks(session.id),
    }
    return reply(answer)


async def destroy(call: Call) -> Response:
    """`DELETE /session/{s}`: end a session; with `recursive`, first those that depend on it."""
    session = named_session(call)
    forced = call.params.boolean("forced")
    if not call.params.boolean("recursive"):
        (stats,) = await _end(call, [session], forced=forced)
        return reply({"stats": stats})
    sessions_to_end = with_dependents(call.cluster.store.sessions.unfinished(), session)
    return reply(await _end(call, sessions_to_end, forced=forced))


async def _end(call: Call, sessions_to_end: list[Session], *, forced: bool) -> list[dict[str, Any]]:
    """End all of these sessions or none, wait for their end, and return the results."""
    for session in sessions_to_end:
        is_queued = session.status == "SCHEDULED" and not call.cluster.machine.is_bounded
        if session.status in _NEEDS_FORCE and not (forced or is_queued):
            raise forbidden(
                f"session {session.name!r} is {session.status}; it can only be ended with force"
            )
    reason = "force-terminated" if forced else "user-requested"
    with call.cluster.store.db.transaction():
        for session in sessions_to_end:
            call.cluster.scheduler.terminate(session.id, reason, forced=forced)
    return [await _end_of(call, session) for session in sessions_to_end]


async def _end_of(call: Call, session: Session) -> dict[str, Any]:
    ended = await call.cluster.scheduler.ended(session.id)
    if ended.status not in DEAD:
        raise kernel_failed(f"session {session.name!r} is {ended.status}: {ended.status_info}")
    stat = call.cluster.store.kernels.main(session.id).last_stat or {}
    return {**stat, "version": 2, "status": ended.status.lower()}


async def match(call: Call) -> Response:
    """`GET /session/_/match?id=`: sessions not ended whose name or id begins with this text."""
    prefix = call.params.required("id")
    found = [
        {"id": one.id, "name": one.name, "status": one.status}
        for one in call.cluster.store.sessions.unfinished()
        if one.access_key == call.owner.access_key
        and (one.name.startswith(prefix) or one.id.startswith(prefix))
    ]
    return reply({"matches": found})


async def rename(call: Call) -> Response:
    """`POST /session/{s}/rename`: give a running session another name."""
    session = named_session(call)
    name = read_name(call.params)
    if session.status != "RUNNING":
        raise bad_request(f"only running sessions can be renamed; this one is {session.status}")
    if call.cluster.store.sessions.find(name, session.access_key):
        raise bad_request(f"there is a session {name!r} already")
    call.cluster.store.sessions.update(session.id, name=name)
    return no_content()


async def restart(call: Call) -> Response:
    """`PATCH /session/{s}`: restart the kernels of a running session in their homes.

    Managers since 26.7 refuse this with 501.
    """
    session = named_session(call, dead=True)
    try:
        call.cluster.scheduler.restart(session.id)
    except StatusError as error:
        raise bad_request(f"only running sessions can be restarted; {error}") from error
    await while_connected(call.request, lambda: settled(call, session.id))
    now = call.cluster.store.sessions.get(session.id)
    if now.status in DEAD:
        raise bad_request(f"session {session.name!r} ended meanwhile; it is {now.status}")
    if now.status != "RUNNING":
        why = f"{now.status}: {now.status_info}"
        raise kernel_failed(f"session {session.name!r} did not restart; it is {why}")
    return no_content()


async def interrupt(call: Call) -> Response:
    """`POST /session/{s}/interrupt`: send SIGINT to the running code."""
    kernel = running_kernel(call.cluster, named_session(call))
    await kernel.interrupt()
    return no_content()


async def complete(call: Call) -> Response:
    """`POST /session/{s}/complete`: completions of the word at the cursor."""
    kernel = running_kernel(call.cluster, named_session(call))
    code = call.params.text("code") or ""
    found = await kernel.complete(code, call.params.mapping("options"))
    return reply({"result": {"status": "finished", "completions": list(found)}})


async def status_history(call: Call) -> Response:
    """`GET /session/{s}/status-history`: the time when the session entered each status."""
    session = named_session(call, dead=True)
    return reply({"result": call.cluster.store.sessions.history(session.id)})


async def dependency_graph(call: Call) -> Response:
    """`GET /session/{s}/dependency-graph`: the dependencies of a session."""
    return reply(graph_of(call.cluster.store.sessions, named_session(call, dead=True)))


async def empty(call: Call) -> Response:
    """Answer `{}` for an existing session, because the cluster has no such data."""
    named_session(call, dead=True)
    return reply({})


async def sync_agent_registry(call: Call) -> Response:
    """`POST /session/_/sync-agent-registry`: does nothing, because nothing can differ."""
    _ = call.caller
    return reply({})


ROUTES: Routes = (
    route("GET", "/session/_/match", match),
    route("POST", "/session/_/sync-agent-registry", sync_agent_registry),
    route("GET", "/session/{s}", info),
    route("PATCH", "/session/{s}", restart),
    route("DELETE", "/session/{s}", destroy),
    route("POST", "/session/{s}/rename", rename),
    route("POST", "/session/{s}/interrupt", interrupt),
    route("POST", "/session/{s}/complete", complete),
    route("GET", "/session/{s}/status-history", status_history),
    route("GET", "/session/{s}/dependency-graph", dependency_graph),
    route("GET", "/session/{s}/direct-access-info", empty),
    route("GET", "/session/{s}/abusing-report", empty),
)
