"""A manager that does nothing but tunnels, to services that a test makes up; faults at will."""

import json
from contextlib import aclosing, asynccontextmanager
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
import trio.testing
from attrs import define, field
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import serve as serve_websocket

from atoll import Api, Profile
from atoll_apps.api import Target
from atoll_rest.transport import connect as connect_rest
from atoll_websocket.transport import connect as connect_websocket

SESSION = "8a1f4d2e-0000-4000-8000-000000000001"


@define
class Manager:
    """Serves `/stream/session/{s}/apps` and `…/tcpproxy`; `services` are handlers of streams.

    `silent` ends tunnels as managers of 23.09 do: the connection is closed, and no word said. One
    that is `frozen` refuses everything as long as it is; so many tunnels are `put_off`.
    """

    services: dict = field(factory=dict)
    silent: bool = False
    frozen: bool = False
    put_off: int = 0
    port: int = 0
    asked: list = field(factory=list)
    refused: int = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def api(self, port=None):
        """Connect to it, through another port if need be."""
        profile = Profile(
            name="lab",
            endpoint=f"http://127.0.0.1:{port or self.port}",
            access_key="AK",
            secret_key="SK",
        )
        connect = {"request": connect_rest, "channel": connect_websocket}
        return Api(profile, lambda kind, profile: connect[kind](profile))

    def answer(self, connection, request):
        """Answer what is no tunnel."""
        path = urlsplit(request.path).path
        if path == "/":
            return self._json(connection, {"version": "v7.20230615", "manager": "23.09.10"})
        if self.frozen:
            self.refused += 1
            problem = {"type": "https://api.backend.ai/probs/server-frozen", "title": "Frozen."}
            return self._json(connection, problem, HTTPStatus.SERVICE_UNAVAILABLE)
        if path.endswith("/apps"):
            return self._json(
                connection,
                [{"name": name, "protocol": "tcp", "ports": [1]} for name in self.services],
            )
        if self.put_off:
            self.put_off -= 1
            return self._json(connection, {}, HTTPStatus.BAD_GATEWAY)
        if self._app(request) not in self.services:
            problem = {
                "type": "https://api.backend.ai/probs/object-not-found",
                "title": "No such app service.",
            }
            return self._json(connection, problem, HTTPStatus.NOT_FOUND)
        return None

    def _json(self, connection, content, status=HTTPStatus.OK):
        response = connection.respond(status, json.dumps(content))
        response.headers["Content-Type"] = "application/json"
        return response

    def _app(self, request):
        return parse_qs(urlsplit(request.path).query).get("app", [""])[0]

    async def tunnel(self, websocket):
        """Carry one tunnel to a connection of the service's own."""
        self.asked.append(parse_qs(urlsplit(websocket.request.path).query))
        service = self.services[self._app(websocket.request)]
        if isinstance(service, int):
            await websocket.aclose(service)
            return
        ours, theirs = trio.testing.memory_stream_pair()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._up, websocket, ours)
            nursery.start_soon(self._serve, service, theirs)
            async for data in ours:
                await websocket.send(data)
            if self.silent:
                await trio.aclose_forcefully(websocket.stream)
            else:
                await websocket.aclose(1001)
            nursery.cancel_scope.cancel()

    async def _serve(self, service, stream):
        async with stream:
            try:
                await service(stream)
            except trio.BrokenResourceError:
                return

    async def _up(self, websocket, ours):
        try:
            async with aclosing(aiter(websocket)) as messages:
                async for message in messages:
                    if message:
                        await ours.send_all(message)
                    else:
                        await ours.send_eof()
        except (ConnectionClosed, trio.BrokenResourceError):
            pass
        await ours.aclose()


@pytest.fixture
def make_manager():
    """Return the context manager that runs a manager."""

    @asynccontextmanager
    async def running(*, silent=False, port=0, **services):
        manager = Manager(services, silent)
        async with trio.open_nursery() as nursery:
            start = partial(
                serve_websocket,
                manager.tunnel,
                port=port,
                host="127.0.0.1",
                process_request=manager.answer,
                compression=None,
                max_size=None,
            )
            server = await nursery.start(start)
            manager.port = server.listeners[0].socket.getsockname()[1]
            yield manager
            nursery.cancel_scope.cancel()

    return running


@pytest.fixture
def target():
    """Return the function that names a service of the session."""
    return lambda app, **kw: Target(session_id=SESSION, app=app, **kw)
