"""The commands of administrators in process, facing a cluster that answers as a test has it."""

import json
from contextlib import asynccontextmanager

import pytest
from attrs import define, field

import atoll_admin
import atoll_rest
import atoll_sessions


@define
class ScriptedCluster:
    """Answers GraphQL by `tell`, which takes a query and its variables and gives the answer, and
    other requests from `routes`, by method and path.
    """

    answer: object
    version: str = "v7.20230615"
    manager: str = "23.09.10"
    tell: object = None
    routes: dict = field(factory=dict)
    asked: list = field(factory=list)

    async def handle(self, seen, stream):
        """Answer one request."""
        await stream.send_all(self._answer(seen))
        return True

    def _answer(self, seen):
        key = f"{seen.method} {seen.target.partition('?')[0]}"
        if key == "GET /":
            return self.json({"version": self.version, "manager": self.manager})
        body = json.loads(seen.body) if seen.body else {}
        self.asked.append((key, body))
        if key == "POST /admin/gql":
            return self.json(self.tell(body["query"], body["variables"]))
        return self.routes.get(key) or self.problem(404, "url-not-found", "Unknown URL path")

    def json(self, content):
        """Spell out an answer in JSON."""
        return self.answer(json.dumps(content).encode())

    def problem(self, status, kind, title):
        """Spell out a refusal."""
        body = {"type": f"https://api.backend.ai/probs/{kind}", "title": title}
        content_type = "application/problem+json"
        return self.answer(json.dumps(body).encode(), status=status, content_type=content_type)

    def queries(self):
        """Return the GraphQL documents that were sent."""
        return [body["query"] for key, body in self.asked if key == "POST /admin/gql"]


@pytest.fixture
def cluster(answer):
    """A cluster that answers nothing yet."""
    return ScriptedCluster(answer)


@pytest.fixture
def facing(shell, serve, cluster):
    """Return a context manager that gives the shell, facing the scripted cluster."""
    for plugin in (atoll_admin, atoll_sessions, atoll_rest):
        shell.add(plugin, plugin.__name__)

    @asynccontextmanager
    async def face():
        async with serve(cluster.handle) as server:
            shell.environ = {
                "BACKEND_ENDPOINT": server.url,
                "BACKEND_ENDPOINT_TYPE": "api",
                "BACKEND_ACCESS_KEY": "AKIAEXAMPLE",
                "BACKEND_SECRET_KEY": "secret",
            }
            yield shell

    return face
