"""Routes of websockets; an error of one is sent to its client and does not affect others."""

import logging
from collections.abc import Awaitable, Callable

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from uvicorn.protocols.utils import ClientDisconnected

from atoll_cluster.api.request.problems import Problem, internal_error, kernel_failed, store_failed
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.store.errors import StoreError

_log = logging.getLogger(__name__)
_FAULT = 1011


def socket_route(path: str, serve: Callable[[WebSocket], Awaitable[None]]) -> WebSocketRoute:
    """Create a route for a websocket; a Problem before the handshake is sent as HTTP answer."""

    async def endpoint(socket: WebSocket) -> None:
        try:
            await serve(socket)
        except (WebSocketDisconnect, ClientDisconnected):
            pass
        except Problem as problem:
            await _refuse(socket, problem)
        except StoreError as error:
            await _refuse(socket, store_failed(error))
        except EngineError as error:
            await _refuse(socket, kernel_failed(str(error)))
        except Exception:  # noqa: BLE001 - the client needs an answer
            _log.exception("%s failed", socket.scope["path"])
            await _refuse(socket, internal_error())

    return WebSocketRoute(path, endpoint)


async def _refuse(socket: WebSocket, problem: Problem) -> None:
    """Send an error as HTTP answer or close frame; ignores that the client has disconnected."""
    try:
        if socket.application_state is WebSocketState.CONNECTING:
            await socket.send_denial_response(problem.response())
        elif socket.application_state is WebSocketState.CONNECTED:
            await socket.close(_FAULT, problem.title)
    except (WebSocketDisconnect, ClientDisconnected):
        pass
