"""Forwarding requests to the cluster, signed, and its responses to the client."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

import h11
import trio
from attrs import evolve

from atoll import AtollError
from atoll_apps.http.messages import Malformed
from atoll_apps.http.server import Connection
from atoll_apps.proxy.headers import forwarded_request, response_headers, websocket_headers
from atoll_apps.tunnel.copying import splice

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Request, Response

Send = Callable[["Request"], Awaitable["Response"]]


async def forward_request(api: "Api", connection: Connection, request: h11.Request) -> None:
    """Sign a request and forward it to the cluster; send back the response.

    For a websocket, the connection is handed over to the cluster. Raises Malformed for a request
    that can't be signed.
    """
    _check_text(request)
    if is_websocket(request):
        await _upgrade(api, connection, request)
    else:
        host = dict(request.headers).get(b"host", b"").decode("ascii")
        await exchange(partial(_forward, api, host), connection, request)


async def _forward(api: "Api", host: str, request: "Request") -> "Response":
    """Forward a request, and tell the cluster the address that the client has used, so that
    addresses in the response lead to the proxy as well.
    """
    headers = {"X-Atoll-Client-Host": host} if host else {}
    return await api.forward(evolve(request, headers={**request.headers, **headers}))


def _check_text(request: h11.Request) -> None:
    """Check that the header is ASCII, since it is signed as such; raises Malformed."""
    for name, value in request.headers:
        if not value.isascii():
            raise Malformed(f"The field {name.decode()} is not in ASCII.")


def is_websocket(request: h11.Request) -> bool:
    """Whether a request asks for a websocket."""
    return any(
        name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers
    )


async def _upgrade(api: "Api", connection: Connection, request: h11.Request) -> None:
    """Forward the handshake of a websocket, then copy bytes both ways."""
    draft = forwarded_request(request, None)
    try:
        async with api.forward_upgrade(
            draft.path, draft.query, websocket_headers(request)
        ) as stream:
            await splice(connection.local, stream, early=connection.trailing_data())
    except AtollError as error:
        await connection.answer(502, str(error))


async def exchange(send: Send, connection: Connection, request: h11.Request) -> None:
    """Send a request with `send`, which may raise AtollError, and send its response to the
    client.
    """
    fields = dict(request.headers)
    origin = fields.get(b"origin", b"").decode("ascii")
    if request.method == b"OPTIONS" and origin:
        await connection.drop_body()
        await connection.send_head(204, response_headers({}, origin))
        await connection.send_end()
        return
    try:
        response = await send(forwarded_request(request, connection.body()))
    except AtollError as error:
        await connection.answer(502, str(error))
        return
    try:
        await connection.drop_body()
        await _send_back(connection, response, origin)
    finally:
        with trio.CancelScope(shield=True):
            await response.aclose()


async def _send_back(connection: Connection, response: "Response", origin: str) -> None:
    await connection.send_head(response.status, response_headers(response.headers, origin))
    try:
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                await connection.send(chunk)
    except AtollError:
        # The head has been sent already, so only a broken connection can show that the body is
        # incomplete.
        await connection.local.aclose()
        return
    await connection.send_end()
