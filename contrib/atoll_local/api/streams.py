"""Streams of a session: code run over a websocket, and what all streams share."""

import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from atoll_local.api.call import admit
from atoll_local.api.naming import only
from atoll_local.api.params import read_message
from atoll_local.api.problems import Problem, unauthorized
from atoll_local.api.runs import Execution, Executions, Turn, running_kernel
from atoll_local.api.sockets import socket_route
from atoll_local.engine.contract import EngineError, Kernel
from atoll_local.store.errors import StoreError
from atoll_local.store.records import Session

if TYPE_CHECKING:
    from atoll_local.cluster import Cluster

_FLUSH = 0.1
"""Seconds that output may wait for more of it."""


async def execute_stream(socket: WebSocket) -> None:
    """`/stream/session/{s}/execute`: one socket, one run; closing it early interrupts the code."""
    kernel = _kernel(socket)
    await socket.accept()
    try:
        await _converse(socket, kernel)
    except (Problem, EngineError, StoreError) as error:
        await say(socket, {"status": "error", "msg": str(error)})
    if socket.client_state is WebSocketState.CONNECTED:
        await socket.close()


def session_of(socket: WebSocket) -> Session:
    """Return the session that a stream is for; raises Problem unless its caller may have it."""
    caller = admit(socket)
    if caller is None:
        raise unauthorized()
    cluster: Cluster = socket.app.state.cluster
    reference = socket.path_params["s"]
    return only(cluster.store.sessions.find(reference, caller.access_key), reference)


def _kernel(socket: WebSocket) -> Kernel:
    cluster: Cluster = socket.app.state.cluster
    session = session_of(socket)
    cluster.store.uses.run(session.id)
    return running_kernel(cluster, session)


async def _converse(socket: WebSocket, kernel: Kernel) -> None:
    asked = read_message(await hear(socket))
    executions: Executions = socket.app.state.executions
    execution = await executions.start(kernel, asked.text("mode") or "", asked)
    with closing(execution):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read_input, socket, execution, tasks.cancel_scope)
            tasks.start_soon(_leave_on_stop, socket, tasks.cancel_scope)
            await _tell(socket, execution)
            tasks.cancel_scope.cancel()


async def _tell(socket: WebSocket, execution: Execution) -> None:
    while True:
        turn: Turn = await execution.turn(_FLUSH, patient=True)
        await say(socket, turn.as_json())
        if turn.status == "finished":
            return


async def _read_input(socket: WebSocket, execution: Execution, scope: anyio.CancelScope) -> None:
    try:
        while True:
            await execution.run.send_input(await hear(socket))
    except WebSocketDisconnect:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await execution.run.interrupt()


async def _leave_on_stop(socket: WebSocket, scope: anyio.CancelScope) -> None:
    await socket.app.state.cluster.stopping.wait()
    await say(socket, {"status": "server-restarting", "msg": "the cluster program is stopping"})
    scope.cancel()


async def hear(socket: WebSocket) -> str:
    """Return the next message as text, whichever kind of frame it came in."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text: str | None = message.get("text")
    return message["bytes"].decode("utf-8", "replace") if text is None else text


async def say(socket: WebSocket, message: dict[str, Any]) -> None:
    """Send a message as text, to a client that may have left."""
    # That the client has gone is noticed where its messages are read.
    with suppress(WebSocketDisconnect):
        await socket.send_text(json.dumps(message))


SOCKETS = (socket_route("/stream/session/{s}/execute", execute_stream),)
