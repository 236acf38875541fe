"""Requests that are sent on to the cluster, signed, and their answers, which come back whole."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

import h11
import trio

from atoll import AtollError
from atoll_apps.http_messages import Malformed
from atoll_apps.http_server import Connection
from atoll_apps.passing import handshake_headers, passed_back, passed_on
from atoll_apps.relay import splice

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Request, Response

Send = Callable[["Request"], Awaitable["Response"]]


async def pass_on(api: "Api", connection: Connection, request: h11.Request) -> None:
    """Send a request on, signed, and its answer back; a websocket takes the connection over.

    Raises Malformed for what can't be signed.
    """
    _check_text(request)
    if is_websocket(request):
        await _upgrade(api, connection, request)
    else:
        await exchange(api.pass_on, connection, request)


def _check_text(request: h11.Request) -> None:
    """Check that what is signed can be written in ASCII, as it must be; raises Malformed."""
    for name, value in request.headers:
        if not value.isascii():
            raise Malformed(f"The field {name.decode()} is not in ASCII.")


def is_websocket(request: h11.Request) -> bool:
    """Whether a request asks for a websocket."""
    return any(
        name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers
    )


async def _upgrade(api: "Api", connection: Connection, request: h11.Request) -> None:
    """Pass a websocket's handshake on, and then the bytes as they are."""
    draft = passed_on(request, None)
    try:
        async with api.pass_on_upgrade(
            draft.path, draft.query, handshake_headers(request)
        ) as stream:
            await splice(connection.local, stream, early=connection.trailing_data())
    except AtollError as error:
        await connection.answer(502, str(error))


async def exchange(send: Send, connection: Connection, request: h11.Request) -> None:
    """Send a request on by `send`, which may raise AtollError, and its answer back."""
    fields = dict(request.headers)
    origin = fields.get(b"origin", b"").decode("ascii")
    if request.method == b"OPTIONS" and origin:
        await connection.drop_body()
        await connection.send_head(204, passed_back({}, origin))
        await connection.send_end()
        return
    try:
        response = await send(passed_on(request, connection.body()))
    except AtollError as error:
        await connection.answer(502, str(error))
        return
    try:
        await connection.drop_body()
        await _return(connection, response, origin)
    finally:
        with trio.CancelScope(shield=True):
            await response.aclose()


async def _return(connection: Connection, response: "Response", origin: str) -> None:
    await connection.send_head(response.status, passed_back(response.headers, origin))
    try:
        async with aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                await connection.send(chunk)
    except AtollError:
        # The head is out already: only a cut tells that this is not all of it.
        await connection.local.aclose()
        return
    await connection.send_end()
