"""`/stream/session/{s}/pty`: a shell in the session over a websocket.

Messages are JSON objects with a `type`. The client sends `stdin` (`chars`), `resize` (`rows`,
`cols`), `ping` and `restart`; the cluster sends `out` (`data`). Bytes are in base64. The last
message is `end`, because a web server between the two may not report that the websocket is closed.
"""

import base64
import binascii
from typing import TYPE_CHECKING

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from atoll_cluster.api.request.params import Params, read_message
from atoll_cluster.api.request.problems import Problem, invalid_params, store_failed
from atoll_cluster.api.request.sockets import socket_route
from atoll_cluster.api.sessions.runs import running_kernel
from atoll_cluster.api.sessions.streams import receive_text, send_json, session_of
from atoll_cluster.engine.contract import EngineError, Terminal
from atoll_cluster.scheduler.lifecycle import StatusError
from atoll_cluster.store.errors import StoreError
from atoll_cluster.store.records import Session

if TYPE_CHECKING:
    from atoll_cluster.cluster import Cluster

_LARGEST = 1000
"""The most rows and the most columns of a window."""


async def pty(socket: WebSocket) -> None:
    """Serve one terminal until the shell, the session or the client ends it."""
    cluster: Cluster = socket.app.state.cluster
    session = session_of(socket)
    terminal = await running_kernel(cluster, session).open_terminal()
    try:
        await socket.accept()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_receive_messages, socket, session, terminal, tasks.cancel_scope)
            while data := await terminal.read():
                cluster.scheduler.idleness.touch(session.id)
                await send_json(socket, {"type": "out", "data": base64.b64encode(data).decode()})
            await send_json(socket, {"type": "end"})
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await terminal.aclose()
    if socket.client_state is WebSocketState.CONNECTED:
        await socket.close()


async def _receive_messages(
    socket: WebSocket, session: Session, terminal: Terminal, scope: anyio.CancelScope
) -> None:
    cluster: Cluster = socket.app.state.cluster
    try:
        while True:
            message = read_message(await receive_text(socket))
            cluster.scheduler.idleness.touch(session.id)
            if message.get("type") == "restart":
                cluster.scheduler.restart(session.id)
            else:
                await _handle_message(message, terminal)
    except (Problem, StatusError) as error:
        await send_json(socket, {"type": "error", "reason": str(error)})
    except StoreError as error:
        await send_json(socket, {"type": "error", "reason": str(store_failed(error))})
    except (WebSocketDisconnect, EngineError):
        pass
    scope.cancel()


async def _handle_message(message: Params, terminal: Terminal) -> None:
    match message.get("type"):
        case "stdin":
            await terminal.write(_bytes(message.required("chars")))
        case "resize":
            rows, columns = (
                message.integer(name, default=24, minimum=1, maximum=_LARGEST)
                for name in ("rows", "cols")
            )
            await terminal.resize(rows, columns)
        case "ping":
            pass
        case other:
            raise invalid_params(f"unknown type {other!r}")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_params("chars must be base64") from None


SOCKETS = (socket_route("/stream/session/{s}/pty", pty),)
