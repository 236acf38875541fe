"""Tunnels that a cluster behind a web server refuses, which does not tell why: that is found."""

import pytest
from tests.webserver import PASSWORD, PROBS, USER, WebServer, asked_of

from atoll import Api, AtollError, NotFound, Profile
from atoll.outages import is_transient
from atoll_apps.tunnel.target import Target, open_tunnel
from atoll_rest.transport import connect as connect_rest
from atoll_websocket.transport import connect as connect_websocket

pytestmark = pytest.mark.usefixtures("home")
CONNECT = {"request": connect_rest, "channel": connect_websocket}
SSHD = {"name": "sshd", "protocol": "tcp", "ports": [2200]}


@pytest.fixture
def web(answer):
    """A web server that opens no websocket, and says of that what it says of a cluster away."""
    web = WebServer(answer)
    refusal = {"type": f"{PROBS}/bad-gateway", "title": "The target server is inaccessible."}
    web.api["/stream/session/s/tcpproxy"] = web.json(refusal, status=502)
    return web


async def refused(serve, web, app):
    """Return the error that opening a tunnel ends with."""
    async with serve(web.handle) as server:
        profile = Profile(name="lab", endpoint=server.url, endpoint_type="session")
        async with Api(profile, lambda kind, profile: CONNECT[kind](profile)) as api:
            ask, _ = asked_of(USER, PASSWORD)
            await api.login.log_in(ask)
            with pytest.raises(AtollError) as raised:
                async with open_tunnel(api, Target(session_id="s", app=app)):
                    raise AssertionError
    return raised.value


async def test_a_session_that_is_not_there(serve, web):
    web.api["/stream/session/s/apps"] = web.json({"title": "No such session."}, status=404)
    error = await refused(serve, web, "sshd")
    assert isinstance(error, NotFound)
    assert "No such session" in str(error)


async def test_a_service_that_is_not_there(serve, web):
    web.api["/stream/session/s/apps"] = [SSHD]
    error = await refused(serve, web, "jupyter")
    assert isinstance(error, NotFound)
    assert "has no service 'jupyter'" in str(error)


async def test_a_service_that_does_not_start(serve, web):
    """It is no outage, which tunnels are tried again after."""
    web.api["/stream/session/s/apps"] = [SSHD]
    error = await refused(serve, web, "sshd")
    assert "opens no connection to sshd" in str(error)
    assert not is_transient(error)


async def test_a_cluster_that_is_away(serve, web):
    web.api["/stream/session/s/apps"] = web.api["/stream/session/s/tcpproxy"]
    assert is_transient(await refused(serve, web, "sshd"))
