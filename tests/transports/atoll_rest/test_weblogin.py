"""Logging in to a web server: what is asked, what is sent, what is kept, and what is refused."""

import json

import pytest
from tests.webserver import PASSWORD, PROBS, USER, WebServer, asked_of

from atoll import (
    AtollError,
    ConfigError,
    NotAuthorized,
    Problem,
    Profile,
    Unreachable,
    UsageError,
)
from atoll.output import Output, current_output
from atoll.reading import Malformed
from atoll.transport import Identity, Request
from atoll_rest.transport import connect

pytestmark = pytest.mark.usefixtures("home")
VERSION = "v7.20230615"


@pytest.fixture
def web(answer):
    return WebServer(answer)


def profile(server, name="lab"):
    return Profile(name=name, endpoint=server.url, endpoint_type="session")


def get(path="/x"):
    return Request(method="GET", path=path, version=VERSION)


def kept(home):
    """Return what was kept of logins, as text."""
    return [file.read_text() for file in home.rglob("login-*.json")]


async def log_in(transport, *answers):
    ask, questions = asked_of(*answers)
    return await transport.login.log_in(ask), questions


async def test_requests_go_unsigned_below_func(serve, web):
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        who, questions = await log_in(transport, USER, PASSWORD)
        response = await transport.request(get())
        await transport.aclose()
    assert who == Identity(USER, "AKIAANN")
    assert questions == [("e-mail", False), (f"password of {USER} at {server.url}", True)]
    assert response.status == 200
    assert web.paths() == ["/server/login", "/func/x"]
    headers = web.seen[-1].headers
    assert headers["x-backendai-version"] == VERSION
    assert "authorization" not in headers


async def test_what_has_no_body_says_so(serve, web):
    """Web servers would pass it on as a body of unknown length, which managers trip over."""
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        await transport.request(get())
        await transport.request(Request(method="POST", path="/x", body=b"{}", version=VERSION))
        await transport.aclose()
    assert [seen.headers["content-length"] for seen in web.seen[1:]] == ["0", "2"]


async def test_of_a_login_the_cookie_is_kept_alone(serve, web, home):
    """By its owner alone, and for other programs."""
    async with serve(web.handle) as server:
        first, second = connect(profile(server)), connect(profile(server))
        await log_in(first, USER, PASSWORD)
        assert await second.login.identity() == Identity(USER, "AKIAANN")
        assert await second.login.is_valid()
        [text] = kept(home)
        [file] = home.rglob("login-*.json")
        assert PASSWORD not in text
        assert [*json.loads(text)["cookies"].values()] == [*web.known]
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        await first.aclose()
        await second.aclose()


async def test_a_cookie_goes_to_its_own_endpoint_alone(serve, web):
    """Even when the profile of its name leads elsewhere now."""
    async with serve(web.handle) as server, serve(web.handle) as other:
        transport, elsewhere = connect(profile(server)), connect(profile(other))
        await log_in(transport, USER, PASSWORD)
        response = await elsewhere.request(get())
        assert response.status == 401
        assert "cookie" not in web.seen[-1].headers
        assert await elsewhere.login.identity() is None
        assert await elsewhere.login.is_valid() is False
        await transport.aclose()
        await elsewhere.aclose()


async def test_what_others_can_read_is_not_sent(serve, web, home):
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        [file] = home.rglob("login-*.json")
        file.chmod(0o644)
        with pytest.raises(ConfigError, match="others can read it"):
            await transport.request(get())
        file.chmod(0o600)
        file.write_text("[]")
        with pytest.raises(ConfigError, match="atoll login creates it again"):
            await transport.request(get())
        await log_in(transport, USER, PASSWORD)
        assert (await transport.request(get())).status == 200
        await transport.aclose()


@pytest.mark.parametrize("status", [200, 401])
async def test_a_refused_login_keeps_nothing(serve, web, home, status):
    """Its status is 200 in 23.09, the manager's in 26.x. A cookie is set even so."""
    web.status = status
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        with pytest.raises(NotAuthorized, match=f"refuses {USER}: No such user$") as error:
            await log_in(transport, USER, "wrong")
        await transport.aclose()
    assert error.value.exit_code == 4
    assert kept(home) == []


async def test_a_refused_login_leaves_the_one_before(serve, web):
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        with pytest.raises(NotAuthorized):
            await log_in(transport, USER, "wrong")
        assert await transport.login.is_valid()
        await transport.aclose()


async def test_a_login_takes_the_place_of_another(serve, web):
    """Which is ended there as well. Who was logged in need not be typed again."""
    web.passwords["bob@lab.org"] = "bobs"
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        who, _ = await log_in(transport, "bob@lab.org", "bobs")
        assert who.user == "bob@lab.org"
        assert [*web.known.values()] == ["bob@lab.org"]
        who, questions = await log_in(transport, "", "bobs")
        assert who.user == "bob@lab.org"
        assert questions[0] == ("e-mail [bob@lab.org]", False)
        await transport.aclose()


@pytest.mark.parametrize(
    "wants",
    [
        {"details": "OTP not provided"},
        {"type": f"{PROBS}/require-totp-authentication", "details": "TOTP needed"},
    ],
)
async def test_a_one_time_code_is_asked_for(serve, web, wants):
    """By words in 23.09, by the type in 26.x; a wrong one is refused."""
    web.code, web.wants_code = "123456", wants
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        _, questions = await log_in(transport, USER, PASSWORD, " 123456 ")
        assert questions[-1] == ("one-time code", False)
        with pytest.raises(NotAuthorized, match="Invalid OTP"):
            await log_in(transport, USER, PASSWORD, "654321")
        await transport.aclose()


async def test_codes_that_are_to_be_set_up_first(serve, web):
    web.refusal = {"type": f"{PROBS}/require-totp-registration", "title": "Register TOTP."}
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        with pytest.raises(NotAuthorized, match="in a browser first"):
            await log_in(transport, USER, PASSWORD)
        await transport.aclose()


async def test_a_password_that_has_run_out_is_changed(serve, web):
    web.expired.add(USER)
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        who, questions = await log_in(transport, USER, PASSWORD, "new-one", "new-one")
        assert who.user == USER
        assert await transport.login.is_valid()
        await transport.aclose()
    assert web.passwords[USER] == "new-one"
    assert questions[2:] == [("new password", True), ("new password again", True)]


@pytest.mark.parametrize(
    ("new", "again", "error", "told"),
    [
        ("new-one", "another", UsageError, "the new passwords differ"),
        ("n", "n", NotAuthorized, "invalid password format"),
    ],
)
async def test_a_new_password_that_is_not_taken(serve, web, home, new, again, error, told):
    web.expired.add(USER)
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        with pytest.raises(error, match=told):
            await log_in(transport, USER, PASSWORD, new, again)
        await transport.aclose()
    assert web.passwords[USER] == PASSWORD
    assert kept(home) == []


async def test_logging_out(serve, web, home):
    """Ends the login there, and forgets it here; twice is once."""
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        for _ in range(2):
            await transport.login.log_out()
        await transport.aclose()
    assert (web.known, kept(home)) == ({}, [])
    assert web.paths().count("/server/logout") == 1


async def test_logging_out_of_what_does_not_answer(serve, web, home):
    async with serve(web.handle) as server:
        transport = connect(profile(server))
        await log_in(transport, USER, PASSWORD)
        await transport.aclose()
    transport = connect(profile(server))
    with pytest.raises(Unreachable, match="logged out only on this machine"):
        await transport.login.log_out()
    await transport.aclose()
    assert kept(home) == []


@pytest.mark.parametrize(
    ("reply", "error", "told"),
    [
        ({"status": 404}, AtollError, "is not a web server with a login"),
        ({"status": 405, "body": b"x"}, Problem, "HTTP status 405"),
        ({"status": 302, "headers": ["Location: https://x.org"]}, Problem, "redirects to"),
        ({"status": 429, "body": b'{"title": "Too many"}'}, Problem, "Too many"),
        ({"status": 502, "body": b"<html>"}, Problem, "status 502"),
        ({"body": b"<html>"}, Malformed, "no JSON"),
        ({"body": b'{"authenticated": "yes"}'}, Malformed, "authenticated"),
        ({"body": b'{"authenticated": true}'}, Malformed, "without a cookie"),
        ({"body": b'"' + b"x" * 100_000}, Malformed, "too much data for a login"),
    ],
)
async def test_what_is_no_web_server(serve, answer, home, reply, error, told):
    async def handler(_seen, stream):
        await stream.send_all(answer(reply.pop("body", b""), **reply))

    async with serve(handler) as server:
        transport = connect(profile(server))
        with pytest.raises(error, match=told):
            await log_in(transport, USER, PASSWORD)
        await transport.aclose()
    assert kept(home) == []


@pytest.mark.parametrize(
    ("endpoint", "warned"),
    [("http://192.0.2.1", True), ("https://192.0.2.1", False), ("http://127.0.0.1:9", False)],
)
async def test_who_can_read_the_password_is_told(endpoint, warned):
    output = Output(writer=lambda _name: None)
    token = current_output.set(output)

    async def ask(*_words, **_how):
        raise UsageError("nobody answers")

    transport = connect(Profile(name="lab", endpoint=endpoint, endpoint_type="session"))
    with pytest.raises(UsageError):
        await transport.login.log_in(ask)
    await transport.aclose()
    current_output.reset(token)
    assert output.has_warned is warned
