"""One profile's connection: negotiation, parameters, errors, streams, over real sockets."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import trio
from tests.core.api.conftest import PROBS, asked, open_api

from atoll import (
    ApiVersion,
    AtollError,
    ExitCode,
    NotAuthorized,
    NotFound,
    Problem,
    Unreachable,
    UsageError,
)
from atoll.problems import problem_from
from atoll.urls import path

NO_TEXT = "bad-\udcff"


# Parameters


@pytest.mark.parametrize(
    "send",
    [
        lambda api: api.request("GET", path("session", NO_TEXT)),
        lambda api: api.request("GET", "/x", json={}, params={"name": NO_TEXT}),
        lambda api: api.request("POST", "/x", json={"deep": [{"name": f"so{NO_TEXT}"}]}),
    ],
)
async def test_invalid_text_is_not_sent(cluster, send):
    """Words of a command line, and the names of files, may be any bytes."""
    async with cluster() as server, open_api(server) as api:
        with pytest.raises(UsageError, match=r"bad-.udcff' is not text in UTF-8"):
            await send(api)
    assert asked(server) == []


async def test_a_get_carries_its_parameters_both_ways(cluster):
    params = {"name": "ü", "all": True, "ids": ["a", "b"], "tag": None, "limit": 3}
    async with cluster() as server, open_api(server) as api:
        await api.request("GET", "/x", params=params)
    [seen] = asked(server)
    assert seen.target == "/x?name=%C3%BC&all=true&ids=a&ids=b&limit=3"
    assert json.loads(seen.body) == {"name": "ü", "all": True, "ids": ["a", "b"], "limit": 3}
    assert seen.headers["content-type"] == "application/json"


async def test_a_get_without_parameters_has_no_body(cluster):
    async with cluster() as server, open_api(server) as api:
        await api.request("GET", "/x", params={"tag": None})
    [seen] = asked(server)
    assert (seen.target, seen.body, seen.headers["content-type"]) == ("/x", b"", "text/plain")


@pytest.mark.parametrize(("query", "target"), [(False, "/x"), (True, "/x?a=1")])
async def test_a_post_carries_its_parameters_in_the_body(cluster, query, target):
    async with cluster() as server, open_api(server) as api:
        await api.request("POST", "/x", params={"a": 1}, query=query)
    [seen] = asked(server)
    assert (seen.target, json.loads(seen.body)) == (target, {"a": 1})


async def test_with_a_body_the_parameters_are_in_the_query(cluster):
    async with cluster() as server, open_api(server) as api:
        await api.request("PATCH", "/x", params={"a": 1}, body=b"raw", content_type="a/b")
    [seen] = asked(server)
    assert (seen.target, seen.body, seen.headers["content-type"]) == ("/x?a=1", b"raw", "a/b")


# Negotiation


@pytest.mark.parametrize(
    ("server_says", "announced", "spoken"),
    [
        ("v6.20220615", "v6.20220615", ApiVersion(6, "20220615")),
        ("v7.20230615", "v7.20230615", ApiVersion(7, "20230615")),
        ("v9.20250722", "v7.20230615", ApiVersion(9, "20250722")),
        ("v12.20300101", "v7.20230615", ApiVersion(9, "20250722")),
    ],
)
async def test_versions(cluster, server_says, announced, spoken):
    async with cluster(version=server_says) as server, open_api(server) as api:
        await api.request("GET", "/x")
        assert await api.version() == spoken
        assert await api.manager() == "23.09.10"
    hello, seen = server.requests
    assert seen.headers["x-backendai-version"] == announced
    assert "authorization" not in hello.headers


async def test_the_server_is_asked_once_by_requests_at_once(cluster):
    async with cluster() as server, open_api(server) as api, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(api.request, "GET", "/x")
    assert [seen.target for seen in server.requests].count("/") == 1


async def test_the_version_is_remembered_on_disk(cluster, tmp_path):
    async with cluster() as server:
        for _ in range(2):
            async with open_api(server, tmp_path) as api:
                await api.request("GET", "/x")
    assert [seen.target for seen in server.requests] == ["/", "/x", "/x"]
    [file] = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": "x", "manager": "", "at": 1e10}'])
async def test_a_damaged_cache_is_ignored(cluster, tmp_path, content):
    async with cluster() as server:
        async with open_api(server, tmp_path) as api:
            await api.version()
        [file] = [file for file in tmp_path.rglob("*") if file.is_file()]
        file.write_text(content)
        async with open_api(server, tmp_path) as api:
            assert await api.version() == ApiVersion(7, "20230615")


async def test_an_unwritable_cache_folder_is_ignored(cluster, tmp_path):
    (tmp_path / "servers").write_text("a file where a folder should be")
    async with cluster() as server, open_api(server, tmp_path) as api:
        assert await api.version() == ApiVersion(7, "20230615")


async def test_a_downgraded_cluster_is_negotiated_again(cluster, problem, tmp_path):
    async with cluster(version="v7.20230615") as server, open_api(server, tmp_path) as api:
        await api.version()
    remembered = next(file for file in tmp_path.rglob("*.json"))
    refusal = problem(400, msg="Unsupported API version.")
    async with cluster(refusal, {"ok": 1}, version="v6.20220615") as other:
        async with open_api(other, tmp_path) as api:
            await api.version()
        [file] = [file for file in tmp_path.rglob("*.json") if file != remembered]
        file.write_text(remembered.read_text())
        async with open_api(other, tmp_path) as api:
            assert await api.json("POST", "/x", params={"a": 1}) == {"ok": 1}
    versions = [seen.headers["x-backendai-version"] for seen in asked(other)]
    assert versions == ["v7.20230615", "v6.20220615"]


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"<html>"), (200, b'{"version": 7}'), (200, b"[]"), (404, b"{}"), (200, b'"v"')],
)
async def test_something_else_at_the_endpoint(serve, answer, status, body):
    async def handler(_seen, stream):
        await stream.send_all(answer(body, status=status))

    async with serve(handler) as server, open_api(server) as api:
        with pytest.raises(AtollError, match="does not answer like a Backend"):
            await api.request("GET", "/x")


@pytest.mark.parametrize("page", [b"<!doctype html><html>", b"\n<HTML>"])
async def test_an_endpoint_for_browsers(serve, answer, page):
    """Where there may be a login, as the error says."""

    async def handler(_seen, stream):
        await stream.send_all(answer(page, content_type="text/html"))

    async with serve(handler) as server, open_api(server) as api:
        with pytest.raises(AtollError) as error:
            await api.version()
    assert "--login" in error.value.hint


async def test_a_redirect_says_where_to(serve, answer):
    async def handler(_seen, stream):
        await stream.send_all(answer(status=301, headers=["Location: https://other.example/"]))

    async with serve(handler) as server, open_api(server) as api:
        with pytest.raises(Problem, match=r"redirects to https://other\.example/"):
            await api.request("GET", "/x")


# GraphQL


async def test_gql_returns_the_data(cluster):
    async with cluster({"data": {"a": 1}, "errors": None}) as server, open_api(server) as api:
        assert await api.gql("query($x: Int) { a }", {"x": 1}) == {"a": 1}
    [seen] = asked(server)
    assert seen.target == "/admin/gql"
    assert json.loads(seen.body) == {"query": "query($x: Int) { a }", "variables": {"x": 1}}


async def test_gql_errors_are_problems(cluster):
    errors = [{"message": "first\nwords", "path": ["a"]}, {"message": "second"}]
    async with cluster({"data": None, "errors": errors}) as server, open_api(server) as api:
        with pytest.raises(Problem, match=r"^first words$") as caught:
            await api.gql("{ a }")
    assert caught.value.type == "graphql-error"
    assert caught.value.data == errors


@pytest.mark.parametrize(
    ("query", "attempts"), [("{ a }", 2), ("mutation { a }", 1), ("query { a }", 2)]
)
async def test_queries_are_repeated_and_mutations_are_not(cluster, query, attempts):
    async with cluster(b"", {"data": {}}) as server, open_api(server) as api:
        if attempts == 1:
            with pytest.raises(Unreachable):
                await api.gql(query)
        else:
            await api.gql(query)
    assert len(asked(server)) == attempts


# Errors


@pytest.mark.parametrize(
    ("status", "kind", "family", "exit_code"),
    [
        (401, "auth-failed", NotAuthorized, ExitCode.UNAUTHORIZED),
        (403, "generic-forbidden", NotAuthorized, ExitCode.UNAUTHORIZED),
        (404, "object-not-found", NotFound, ExitCode.NOT_FOUND),
        (410, "vfolder-gone", NotFound, ExitCode.NOT_FOUND),
        (412, "quota-exceeded", Problem, ExitCode.FAILED),
        (500, "internal-server-error", Problem, ExitCode.FAILED),
    ],
)
async def test_refusals(cluster, problem, status, kind, family, exit_code):
    refusal = problem(status, kind, title="No.", data={"a": 1})
    async with cluster(refusal) as server, open_api(server) as api:
        with pytest.raises(family) as caught:
            await api.request("POST", "/x")
    error = caught.value
    assert (error.status, error.type, error.data) == (status, kind, {"a": 1})
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"title": "No such session.", "msg": "'a'"}, "No such session: 'a'"),
        ({"title": "Bad.", "msg": "Bad. And\n more."}, "Bad. And more."),
        ({"title": "Only a title."}, "Only a title"),
        (
            {"type": f"{PROBS}/invalid-api-params", "title": "Bad", "data": {"name": "too short"}},
            "Bad: name: too short",
        ),
        ({}, "the cluster answered with HTTP status 400"),
    ],
)
def test_messages_are_one_readable_line(content, expected):
    assert problem_from(400, json.dumps(content).encode()).message == expected


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"\xff\xfe", b"[1]", b'"x"', b"{"])
def test_bodies_without_a_problem_document(body):
    error = problem_from(502, body, "text/html")
    assert (error.type, error.status) == ("generic-error", 502)
    assert "502" in error.message
    assert "proxy" in error.hint


def test_a_wrong_clock_is_measured():
    date = format_datetime(datetime.now(UTC) - timedelta(minutes=40), usegmt=True)
    body = json.dumps({"type": f"{PROBS}/invalid-auth-params", "msg": "Date/time sync error"})
    error = problem_from(400, body.encode(), headers={"date": date})
    assert error.hint == "this machine's clock is 40 min ahead of the cluster's"
    assert error.exit_code == 4


def test_a_rate_limit_shows_the_wait():
    headers = {"x-ratelimit-limit": "1000", "x-ratelimit-window": "900"}
    assert "1000 requests in any 15 min" in problem_from(429, b"{}", headers=headers).hint
    assert "try again in 30 s" in problem_from(429, b"{}", headers={"retry-after": "30"}).hint


async def test_a_reply_that_is_not_json(cluster, answer):
    async with cluster(answer(b"<p>")) as server, open_api(server) as api:
        with pytest.raises(AtollError, match="answered with something that is no JSON"):
            await api.json("GET", "/x")


# Streams


async def test_a_streamed_reply_is_closed_with_its_context(cluster, answer):
    big = answer(b"x" * 1_000_000)
    async with cluster(big) as server, open_api(server) as api:
        async with await api.request("GET", "/x", stream=True) as reply:
            assert reply.status == 200
            size = sum([len(chunk) async for chunk in reply.chunks()])
        await api.request("GET", "/x")
    assert size == 1_000_000
    assert server.connections == 1


async def test_events_come_as_they_are_sent(serve, answer):
    seen_first = trio.Event()

    async def handler(seen, stream):
        if seen.target == "/":
            await stream.send_all(answer(b'{"version": "v7.20230615"}'))
            return True
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        await stream.send_all(b"event: session_started\ndata: {}\n\n")
        await seen_first.wait()
        await stream.send_all(b"event: server_close\ndata:\n\n")
        return False

    events = []
    async with serve(handler) as server, open_api(server) as api:
        reply = await api.request("GET", "/events", stream=True, timeout=None)
        with trio.fail_after(60):
            async for event in reply.events():
                events.append((event.event, event.data))
                seen_first.set()
    assert events == [("session_started", "{}"), ("server_close", "")]


async def test_a_streamed_request_that_is_refused_is_a_problem(cluster, problem):
    refusal = problem(404, "object-not-found", "No such file.")
    async with cluster(refusal) as server, open_api(server) as api:
        with pytest.raises(NotFound, match="No such file"):
            await api.request("GET", "/x", stream=True)
