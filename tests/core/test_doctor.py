"""`doctor`: the first thing that is wrong on the way to a cluster, found and named."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trio

from atoll import Check, Finding, Transport, hookimpl


class Transports:
    """The transports that come with atoll."""

    @staticmethod
    @hookimpl
    def atoll_transports():
        yield Transport("request", ("http", "https"), load="atoll_rest.transport:connect")
        yield Transport("channel", ("http", "https"), load="atoll_websocket.transport:connect")


@pytest.fixture
def examine(shell):
    """Return the function that runs doctor on an endpoint; gives what is found, and its result."""
    shell.add(Transports, "transports")

    async def run(endpoint):
        shell.environ |= {
            "BACKEND_ENDPOINT": endpoint,
            "BACKEND_ACCESS_KEY": "AK",
            "BACKEND_SECRET_KEY": "SK",
        }
        result = await shell.run("doctor --output json")
        found = {one["check"]: one for one in json.loads(result.stdout)}
        return found, result

    return run


@pytest.fixture
def cluster(answer):
    """Return the function that makes a handler: what a cluster answers."""

    def make(*, auth=200, date=None, stream=404):
        async def handler(seen, stream_):
            path = seen.target.partition("?")[0]
            body = {"type": "https://api.backend.ai/probs/object-not-found", "title": "No such."}
            status = {"/": 200, "/auth": auth}.get(path, stream)
            if path == "/":
                body = {"version": "v7.20230615", "manager": "23.09.10"}
            headers = [f"Date: {date}"] if date else []
            content = json.dumps(body).encode() if status != 502 else b"<html>"
            kind = "application/json" if status != 502 else "text/html"
            await stream_.send_all(
                answer(content, status=status, headers=headers, content_type=kind)
            )

        return handler

    return make


def statuses(found):
    return {name: one["status"] for name, one in found.items()}


async def test_all_is_well(serve, cluster, examine):
    now = format_datetime(datetime.now(UTC))
    async with serve(cluster(date=now)) as server:
        found, result = await examine(server.url)
    assert result.code == 0
    steps = ["profile", "name", "connection", "http", "version", "clock", "keys", "websocket"]
    assert statuses(found) == dict.fromkeys(steps, "ok")
    assert found["version"]["detail"] == "manager 23.09.10 speaks v7.20230615"


@pytest.mark.parametrize(
    ("fault", "step", "code", "told"),
    [
        ({"auth": 401}, "keys", 4, "No such"),
        ({"stream": 502}, "websocket", 3, "status 502"),
        ({"date": format_datetime(datetime.now(UTC) - timedelta(hours=2))}, "clock", 4, "ahead of"),
    ],
)
async def test_the_step_that_fails_is_the_last(serve, cluster, examine, fault, step, code, told):
    async with serve(cluster(**fault)) as server:
        found, result = await examine(server.url)
    assert result.code == code
    assert list(found)[-1] == step
    assert found[step]["status"] == "failed"
    assert told in found[step]["detail"]
    assert "failed" not in list(statuses(found).values())[:-1]


async def test_the_profile_of_the_line_is_checked(serve, cluster, examine, shell):
    """And not the one in use."""
    shell.environ["BACKEND_ENDPOINT"] = "http://127.0.0.1:9"
    async with serve(cluster()) as server:
        added = await shell.run(
            f"profile add lab --endpoint {server.url} --access-key AK --secret-key SK"
        )
        assert added.code == 0
        result = await shell.run("doctor --profile lab --output json")
    found = {one["check"]: one for one in json.loads(result.stdout)}
    assert found["profile"]["detail"] == f"lab: {server.url}"
    assert found["connection"]["status"] == "ok"

    missing = await shell.run("doctor --profile nope --output json")
    assert missing.code == 5
    assert json.loads(missing.stdout)[0]["detail"] == "no profile named 'nope'"


async def test_an_invalid_profile_is_reported(shell, tmp_path):
    """Even if nobody has named it."""
    shell.add(Transports, "transports")
    assert (await shell.run("profile add lab --endpoint https://lab.example.com")).code == 0
    [file] = tmp_path.rglob("lab.yaml")
    file.write_text("endpoint: [")
    result = await shell.run("doctor --output json")
    assert result.code != 0
    assert "is not YAML" in json.loads(result.stdout)[0]["detail"]


async def test_nothing_listens(examine):
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    found, result = await examine(f"http://127.0.0.1:{port}")
    assert (result.code, list(found)[-1]) == (3, "http")
    assert found["connection"]["status"] == "absent"


async def test_a_server_without_tls(serve, cluster, examine):
    async with serve(cluster()) as server:
        found, result = await examine(server.url.replace("http:", "https:"))
    assert result.code == 3
    assert "does not speak TLS" in found["tls"]["detail"]


async def test_plugins_add_checks(shell):
    class Plugin:
        @staticmethod
        @hookimpl
        def atoll_checks():
            yield Check("broken", f"{__name__}:broken")
            yield Check("fine", f"{__name__}:fine")

    shell.add(Plugin)
    result = await shell.run("doctor --output json")
    found = statuses({one["check"]: one for one in json.loads(result.stdout)})
    assert found == {"profile": "absent", "broken": "failed", "fine": "ok"}
    assert result.code == 1


async def broken(_context):
    """Find nothing, as its author got something wrong."""
    raise ValueError("oh")
    yield


async def fine(_context):
    """Find something."""
    yield Finding("fine", "ok", "indeed")
