"""The session commands in process, facing a cluster that answers as a test tells it to."""

import json
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from attrs import define, field

import atoll_rest
import atoll_sessions

SESSION_ID = "2ce87391-a5c7-4205-a9b7-84c82f353e9f"


@define
class ScriptedCluster:
    """Answers by method and path; an answer is bytes, or a function that takes the stream.

    `session` is what GraphQL tells of the one session there is. It may be a list of what it tells
    one time after the other. `listed` are the sessions that GraphQL lists. `unknown` is a field
    that it does not know.
    """

    answer: object
    version: str = "v7.20230615"
    session: object = field(factory=lambda: {"status": "RUNNING"})
    routes: dict = field(factory=dict)
    listed: list = field(factory=lambda: [{"id": SESSION_ID, "name": "sess"}])
    unknown: str | None = None
    asked: list = field(factory=list)

    async def handle(self, seen, stream):
        """Answer one request."""
        address = urlsplit(seen.target)
        key = f"{seen.method} {address.path}"
        self.asked.append((key, parse_qs(address.query)))
        answer = self.routes.get(key)
        if callable(answer):
            return await answer(stream)
        await stream.send_all(answer or self._known(address.path, seen.body))
        return True

    def _known(self, path, body):
        if path == "/":
            return self._json({"version": self.version, "manager": "23.09"})
        if path == "/admin/gql" and self.unknown and self.unknown in json.loads(body)["query"]:
            return self._json({"data": None, "errors": [{"message": "Cannot query field"}]})
        if path == "/admin/gql":
            return self._json({"data": self._told(json.loads(body)["query"])})
        return self.answer(
            b'{"type": "https://api.backend.ai/probs/method-not-allowed", "title": "No."}',
            status=405,
            content_type="application/problem+json",
        )

    def _json(self, content):
        return self.answer(json.dumps(content).encode())

    def _told(self, query):
        if "compute_session_list" in query:
            found = [{"status": "RUNNING", **session} for session in self.listed]
            return {"compute_session_list": {"items": found, "total_count": len(found)}}
        told = self.session
        if isinstance(told, list):
            told = told.pop(0) if len(told) > 1 else told[0]
        return {"compute_session": {"id": SESSION_ID, "name": "sess", **told}}


@pytest.fixture
def cluster(answer):
    """A cluster with a running session called `sess`."""
    return ScriptedCluster(answer)


@pytest.fixture
def facing(shell, serve, cluster):
    """Return a context manager that gives the shell, facing the scripted cluster."""

    @asynccontextmanager
    async def face():
        async with serve(cluster.handle) as server:
            shell.environ = {
                "BACKEND_ENDPOINT": server.url,
                "BACKEND_ENDPOINT_TYPE": "api",
                "BACKEND_ACCESS_KEY": "AKIAIOSFODNN7EXAMPLE",
                "BACKEND_SECRET_KEY": "secret",
            }
            shell.add(atoll_rest, "rest")
            shell.add(atoll_sessions, "sessions")
            yield shell

    return face
