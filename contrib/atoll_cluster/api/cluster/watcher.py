"""`/resource/watcher`: start and stop the agent.

Here the agent is a part of the program. A stopped agent gets no new sessions, but the sessions that
it has continue.
"""

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.store.administration import Agent


async def status(call: Call) -> Response:
    """`GET /resource/watcher`: whether the agent accepts sessions."""
    agent = _agent(call)
    return reply({"agent-id": agent.id, "agent-status": _status(agent), "watcher-status": "active"})


async def start(call: Call) -> Response:
    """`POST /resource/watcher/agent/start`: accept new sessions."""
    return _set(call, schedulable=True, done="is started")


async def stop(call: Call) -> Response:
    """`POST /resource/watcher/agent/stop`: accept no new sessions."""
    return _set(call, schedulable=False, done="is stopped; its sessions keep running")


async def restart(call: Call) -> Response:
    """`POST /resource/watcher/agent/restart`: accept new sessions, as `start` does."""
    return _set(call, schedulable=True, done="is started again")


def _set(call: Call, *, schedulable: bool, done: str) -> Response:
    agent = _agent(call)
    call.cluster.store.tables.agents.update(agent.id, {"schedulable": schedulable})
    call.cluster.scheduler.wake()
    return reply({"result": "ok", "message": f"agent {agent.id} {done}"})


def _agent(call: Call) -> Agent:
    agent_id = call.params.required("agent_id", "agent")
    found = call.cluster.store.tables.agents.get(agent_id)
    if found is None:
        raise not_found("agent instance", f"no agent {agent_id!r}")
    return found


def _status(agent: Agent) -> str:
    return "active" if agent.schedulable else "inactive"


ROUTES: Routes = (
    route("GET", "/resource/watcher", status, superadmin=True),
    route("POST", "/resource/watcher/agent/start", start, superadmin=True),
    route("POST", "/resource/watcher/agent/stop", stop, superadmin=True),
    route("POST", "/resource/watcher/agent/restart", restart, superadmin=True),
)
