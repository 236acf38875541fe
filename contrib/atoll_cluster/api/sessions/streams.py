"""Run code over a websocket, and functions that all streams of a session use."""

import json
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from atoll_cluster.api.request.call import admit
from atoll_cluster.api.request.params import read_message
from atoll_cluster.api.request.problems import Problem, unauthorized
from atoll_cluster.api.request.sockets import socket_route
from atoll_cluster.api.sessions.naming import only
from atoll_cluster.api.sessions.runs import Execution, ExecutionResult, Executions, running_kernel
from atoll_cluster.engine.contract import EngineError, Kernel, Run
from atoll_cluster.store.errors import StoreError
from atoll_cluster.store.records import Session

if TYPE_CHECKING:
    from atoll_cluster.cluster import Cluster

FEATURE = "execute-bytes"
"""The name in the features of `GET /` for the additions to runs described below."""
_FLUSH = 0.1
"""Seconds that output waits for further output, so that one message has both."""


async def execute_stream(socket: WebSocket) -> None:
    """`/stream/session/{s}/execute`: one run; closing the socket interrupts the code.

    The first message has the keys of the API: `mode`, `code` and `options`. If `GET /` lists
    `FEATURE`, clients may add two keys. With `"bytes": true`, output that is not UTF-8 is sent in
    base64, and its kind is `stdout-bytes` or `stderr-bytes`. With `"piped": true`, each binary
    frame is a piece of the standard input, and an empty frame is its end. The client may send as
    many bytes as the sum of the `size` in all answers with the status `input-room`. If a run
    without pipe waits for input, an empty binary frame ends its input.
    """
    kernel = _kernel(socket)
    await socket.accept()
    try:
        await _run_code(socket, kernel)
    except (Problem, EngineError, StoreError) as error:
        await send_json(socket, {"status": "error", "msg": str(error)})
    if socket.client_state is WebSocketState.CONNECTED:
        await socket.close()


def session_of(socket: WebSocket) -> Session:
    """Check a stream's request, and return its session; raises Problem."""
    caller = admit(socket)
    if caller is None:
        raise unauthorized()
    cluster: Cluster = socket.app.state.cluster
    reference = socket.path_params["s"]
    return only(cluster.store.sessions.find(reference, caller.access_key), reference)


def _kernel(socket: WebSocket) -> Kernel:
    cluster: Cluster = socket.app.state.cluster
    session = session_of(socket)
    cluster.store.usage.run(session.id)
    return running_kernel(cluster, session)


async def _run_code(socket: WebSocket, kernel: Kernel) -> None:
    asked = read_message(await receive_text(socket))
    executions: Executions = socket.app.state.executions
    piped, as_bytes = asked.boolean("piped"), asked.boolean("bytes")
    execution = await executions.start(kernel, asked.text("mode") or "", asked, piped=piped)
    with closing(execution):
        async with anyio.create_task_group() as tasks:
            read = _read_bytes if piped else _read_lines
            tasks.start_soon(_read_input, read, socket, execution, tasks.cancel_scope)
            tasks.start_soon(_leave_on_stop, socket, tasks.cancel_scope)
            await _send_results(socket, execution, as_bytes=as_bytes)
            tasks.cancel_scope.cancel()


async def _send_results(socket: WebSocket, execution: Execution, *, as_bytes: bool) -> None:
    while True:
        result: ExecutionResult = await execution.next_result(_FLUSH, patient=True)
        await send_json(socket, result.as_json(as_bytes=as_bytes))
        if result.status == "finished":
            return


async def _read_input(
    read: Callable[[WebSocket, Run], Awaitable[None]],
    socket: WebSocket,
    execution: Execution,
    scope: anyio.CancelScope,
) -> None:
    try:
        while True:
            await read(socket, execution.run)
    except WebSocketDisconnect:
        scope.cancel()
        with anyio.CancelScope(shield=True):
            await execution.run.interrupt()


async def _read_lines(socket: WebSocket, run: Run) -> None:
    message = await _receive_frame(socket)
    if message == b"":
        await run.close_input()
    else:
        await run.send_input(_text(message))


async def _read_bytes(socket: WebSocket, run: Run) -> None:
    message = await _receive_frame(socket)
    data = message.encode() if isinstance(message, str) else message
    await (run.pipe_input(data) if data else run.close_input())


async def _leave_on_stop(socket: WebSocket, scope: anyio.CancelScope) -> None:
    await socket.app.state.cluster.stopping.wait()
    await send_json(socket, {"status": "server-restarting", "msg": "the cluster is stopping"})
    scope.cancel()


async def receive_text(socket: WebSocket) -> str:
    """Return the next message as text, from a text or binary frame."""
    return _text(await _receive_frame(socket))


async def _receive_frame(socket: WebSocket) -> str | bytes:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text: str | None = message.get("text")
    data: bytes = message.get("bytes") or b""
    return data if text is None else text


def _text(message: str | bytes) -> str:
    return message if isinstance(message, str) else message.decode("utf-8", "replace")


async def send_json(socket: WebSocket, message: dict[str, Any]) -> None:
    """Send a message as text; does nothing if the client has disconnected."""
    # The task that reads messages notices that the client has disconnected.
    with suppress(WebSocketDisconnect):
        await socket.send_text(json.dumps(message))


SOCKETS = (socket_route("/stream/session/{s}/execute", execute_stream),)
