"""A cluster that gives prepared replies, and a connection to it."""

import json
from contextlib import asynccontextmanager

import pytest

from atoll import Api, Profile
from atoll_rest.transport import connect

PROBS = "https://api.backend.ai/probs"


@pytest.fixture
def cluster(serve, answer):
    """Serve an API that says its version at `/`, and gives prepared replies to all else."""

    @asynccontextmanager
    async def running(*replies, version="v7.20230615"):
        pending = list(replies)

        async def handler(seen, stream):
            if seen.target == "/":
                hello = {"version": version, "manager": "23.09.10"}
                await stream.send_all(answer(json.dumps(hello).encode()))
                return True
            reply = pending.pop(0) if pending else {}
            if isinstance(reply, dict):
                reply = answer(json.dumps(reply).encode())
            await stream.send_all(reply)
            return bool(reply)

        async with serve(handler) as server:
            yield server

    return running


@pytest.fixture
def problem(answer):
    """Spell out a refusal."""

    def refusal(status, kind="generic-bad-request", title="Bad request.", headers=(), **more):
        body = json.dumps({"type": f"{PROBS}/{kind}", "title": title, **more}).encode()
        kind_of_body = "application/problem+json"
        return answer(body, status=status, content_type=kind_of_body, headers=headers)

    return refusal


def factory(_kind, profile):
    return connect(profile)


def open_api(server, cache=None):
    profile = Profile(name="lab", endpoint=server.url, access_key="AK", secret_key="SK")
    return Api(profile, factory, cache)


def asked(server):
    """Return what was requested, beside the version."""
    return [seen for seen in server.requests if seen.target != "/"]
