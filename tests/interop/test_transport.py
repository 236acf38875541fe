"""The transports against a Backend.AI cluster not written here, named by BACKEND_ENDPOINT."""

import json
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from atoll import Api, NotFound, Problem
from atoll._errors import ProblemNotAuthorized
from atoll._profiles import apply_environment
from atoll.transport import ChannelClosed
from atoll.urls import path
from atoll_rest import credentials
from atoll_rest.transport import connect as connect_rest
from atoll_sessions.api import image_names
from atoll_websocket.transport import connect as connect_websocket

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif("BACKEND_ENDPOINT" not in os.environ, reason="no cluster to talk to"),
]
IMAGE = os.environ.get("ATOLL_INTEROP_IMAGE", "python:3.11-debian12")


@pytest.fixture
def profile():
    return apply_environment(None, os.environ)


def open_api(profile):
    connect = {"request": connect_rest, "channel": connect_websocket}
    return Api(profile, lambda kind, profile: connect[kind](profile))


async def test_the_version_is_negotiated(profile):
    async with open_api(profile) as api:
        assert (await api.version()).major >= 7
        assert await api.manager()


@pytest.mark.parametrize("text", ["plain", "hé %+,/&?=;x", "日本 ~'()*!\"<>"])
async def test_a_signed_get_with_odd_parameters(profile, text):
    async with open_api(profile) as api:
        answer = await api.json("GET", "/auth", params={"echo": text})
    # 26.4 takes the signature of these parameters for right, too, but repeats nothing.
    assert answer in [{"authorized": "yes", "echo": said} for said in (text, "")]


async def test_graphql(profile):
    query = """query($limit: Int!, $offset: Int!) {
        keypair { access_key is_active }
        compute_session_list(limit: $limit, offset: $offset) { items { id status } total_count }
    }"""
    async with open_api(profile) as api:
        data = await api.gql(query, {"limit": 10, "offset": 0})
    assert data["keypair"] == {"access_key": profile.access_key, "is_active": True}
    assert data["compute_session_list"]["total_count"] >= 0


async def test_a_graphql_error(profile):
    async with open_api(profile) as api:
        with pytest.raises(Problem, match="nonsense"):
            await api.gql("query { nonsense }")


@pytest.mark.parametrize("key", ["access_key", "secret_key"])
async def test_wrong_keys(profile, key):
    async with open_api(evolve(profile, **{key: "WRONGWRONGWRONGWRONG"})) as api:
        with pytest.raises(ProblemNotAuthorized) as caught:
            await api.request("GET", "/auth", params={"echo": "x"})
    assert caught.value.type == "auth-failed"
    assert "check the access key" in caught.value.hint


async def test_a_clock_that_is_wrong(profile, monkeypatch):
    class Late(credentials.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - timedelta(hours=3)

    monkeypatch.setattr(credentials, "datetime", Late)
    async with open_api(profile) as api:
        with pytest.raises(Problem, match="Date/time sync error") as caught:
            await api.request("GET", "/auth", params={"echo": "x"})
    assert "clock" in caught.value.hint


@pytest.mark.parametrize("name", ["nosuchsession", "no such ünk %+"])
async def test_an_unknown_session(profile, name):
    async with open_api(profile) as api:
        with pytest.raises(NotFound):
            await api.request("GET", path("session", name))
        with pytest.raises(NotFound):
            async with api.open(path("stream", "session", name, "execute")):
                pass


@pytest.mark.slow
async def test_code_runs_over_a_channel(profile):
    name = f"atoll-{uuid4().hex[:8]}"
    async with open_api(profile) as api:
        image = (await image_names(api))[IMAGE]
        body = {"name": name, "image": image, "config": {"resources": {"cpu": 1, "mem": "512m"}}}
        await api.request("POST", "/session", json=body, timeout=120)
        try:
            assert await execute(api, name, "print(6 * 7)") == ("42\n", 0)
        finally:
            await api.request("DELETE", path("session", name), params={"forced": True})


async def execute(api, session, code):
    """Run code; returns what it wrote, and its exit code."""
    written, status = "", ""
    async with api.open(path("stream", "session", session, "execute")) as channel:
        await channel.send(json.dumps({"mode": "query", "code": code, "options": {}}))
        while status != "finished":
            message = json.loads(await channel.receive())
            written += "".join(text for kind, text in message["console"] if kind == "stdout")
            status = message["status"]
        with pytest.raises(ChannelClosed) as closed:
            await channel.receive()
    assert closed.value.clean
    return written, message["exitCode"]
