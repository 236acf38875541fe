"""Requests that a cluster refuses since the login has expired: asked about, renewed, sent again."""

import pytest
import trio
from tests.webserver import PASSWORD, USER, WebServer, asked_of

from atoll import ENVIRONMENT, Api, NotAuthorized, Problem, Profile
from atoll_rest.transport import connect as connect_rest
from atoll_websocket.transport import connect as connect_websocket

pytestmark = pytest.mark.usefixtures("home")
CONNECT = {"request": connect_rest, "channel": connect_websocket}


@pytest.fixture
def web(answer):
    return WebServer(answer)


def open_api(server, ask=None, name="lab"):
    profile = Profile(name=name, endpoint=server.url, endpoint_type="session")
    return Api(profile, lambda kind, profile: CONNECT[kind](profile), ask=lambda: ask)


async def log_in(api):
    ask, _ = asked_of(USER, PASSWORD)
    await api.login.log_in(ask)


async def test_the_user_logs_in_and_the_request_is_sent_again(serve, web):
    ask, questions = asked_of(PASSWORD)
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        web.known.clear()
        assert (await api.request("POST", "/x", json={})).status == 200
    assert [question for question, _ in questions] == [f"password of {USER} at {server.url}"]
    assert web.paths().count("/func/x") == 2


async def test_a_first_login_asks_for_the_name_too(serve, web):
    ask, questions = asked_of(USER, PASSWORD)
    async with serve(web.handle) as server, open_api(server, ask) as api:
        assert (await api.request("GET", "/x")).status == 200
        assert await api.access_key() == "AKIAANN"
    assert len(questions) == 2


async def test_many_requests_ask_once(serve, web):
    """All of them are sent again after the one new login."""
    ask, questions = asked_of(PASSWORD)
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        web.known.clear()
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(api.request, "GET", "/x")
    assert len(questions) == 1
    assert web.paths().count("/server/login") == 2


@pytest.mark.parametrize(
    ("name", "hint"), [("lab", "atoll login lab"), (ENVIRONMENT, "atoll login")]
)
async def test_a_login_without_a_terminal_is_refused(serve, web, name, hint):
    """One line says which login has expired, and what to do; the exit code is 4."""
    async with serve(web.handle) as server, open_api(server, name=name) as api:
        with pytest.raises(NotAuthorized, match=f"nobody is logged in at {server.url}"):
            await api.request("GET", "/x")
        await log_in(api)
        web.known.clear()
        with pytest.raises(NotAuthorized, match=f"the login of {USER} at .* has expired") as error:
            await api.request("GET", "/x")
    assert (error.value.hint, error.value.exit_code) == (hint, 4)


async def test_a_missing_permission_does_not_cause_a_login(serve, web, answer):
    """23.09 answers status 401 to that, too."""
    refusal = b'{"type": "https://api.backend.ai/probs/auth-failed", "title": "Not yours."}'
    web.api["/x"] = answer(refusal, status=401)
    ask, questions = asked_of()
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        with pytest.raises(Problem, match="Not yours"):
            await api.request("GET", "/x")
    assert questions == []


async def test_a_streamed_request_is_not_sent_again(serve, web):
    """The user is logged in for the next time, and told so."""

    async def pieces():
        yield b"x"

    ask, _ = asked_of(PASSWORD)
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        web.known.clear()
        with pytest.raises(NotAuthorized, match="login expired") as error:
            await api.request("POST", "/x", body=pieces())
        assert "repeat the command" in error.value.hint
        assert (await api.request("GET", "/x")).status == 200


async def test_a_refused_password_is_reported(serve, web):
    ask, _ = asked_of("wrong")
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        web.known.clear()
        with pytest.raises(NotAuthorized, match=f"refuses {USER}"):
            await api.request("GET", "/x")


async def test_channels_show_the_login_and_renew_it(serve, web):
    """The scripted server opens no websocket: after the login it answers as to any request."""
    ask, questions = asked_of(PASSWORD)
    async with serve(web.handle) as server, open_api(server, ask) as api:
        await log_in(api)
        web.known.clear()
        with pytest.raises(Problem, match="HTTP status 200"):
            async with api.open("/stream/x"):
                pass
    handshakes = [seen for seen in web.seen if seen.target == "/func/stream/x"]
    assert len(questions) == 1
    assert len(handshakes) == 2
    assert {seen.headers["upgrade"] for seen in handshakes} == {"websocket"}
    assert web.user_of(handshakes[1]) == USER


async def test_keypairs_need_no_login(serve, web):
    async with serve(web.handle) as server:
        profile = Profile(name="lab", endpoint=server.url, access_key="AK", secret_key="SK")
        async with Api(profile, lambda kind, profile: CONNECT[kind](profile)) as api:
            assert api.login is None
            assert await api.access_key() == "AK"
