"""Answers that no cluster should give: bounded in memory, told in one line, never believed."""

import gzip
import json
import resource
import zlib
from unittest.mock import patch

import pytest
import trio

from atoll import Api, AtollError, Profile, Unreachable
from atoll._headers import retry_after
from atoll.problems import problem_from
from atoll.reading import Malformed, decode, maybe, read, record
from atoll.transport import Request
from atoll_rest.transport import connect
from atoll_sessions.model import Session

HELLO = json.dumps({"version": "v7.20230615", "manager": "23.09"}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
MIB = b"[" * 2**20
CHUNK = b"100000\r\n" + MIB + b"\r\n"


def bomb() -> bytes:
    """Return six megabytes of gzip that stand for six gigabytes."""
    packing = zlib.compressobj(9, wbits=31)
    head = packing.compress(b"") + packing.flush(zlib.Z_FULL_FLUSH)
    return head + (packing.compress(bytes(2**20)) + packing.flush(zlib.Z_FULL_FLUSH)) * 6000


async def endless_body(stream):
    await stream.send_all(CHUNKED)
    while True:
        await stream.send_all(CHUNK)


async def long_by_its_own_word(stream):
    await stream.send_all(HEAD + b"Content-Length: 99999999999\r\n\r\n")
    while True:
        await stream.send_all(MIB)


async def until_it_is_closed(stream):
    await stream.send_all(HEAD + b"\r\n")
    while True:
        await stream.send_all(MIB)


def packed(encoding: str, body: bytes):
    async def send(stream):
        length = f"Content-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
        await stream.send_all(HEAD + length.encode() + body)

    return send


async def endless_headers(stream):
    await stream.send_all(HEAD)
    while True:
        await stream.send_all(b"X-More: " + b"y" * 8000 + b"\r\n")


async def one_endless_header(stream):
    await stream.send_all(HEAD + b"X-More: ")
    while True:
        await stream.send_all(b"y" * 65536)


async def garbage(stream):
    await stream.send_all(b"\x00\x01 this is not HTTP\r\n\r\n")


def answering(serve, answer, send):
    """Serve an API whose every answer but the first is what `send` sends."""

    async def handler(seen, stream):
        if seen.target == "/":
            await stream.send_all(answer(HELLO))
            return True
        return await send(stream)

    return serve(handler)


def open_api(server):
    profile = Profile(name="lab", endpoint=server.url, access_key="AK", secret_key="SK")
    return Api(profile, lambda _kind, profile: connect(profile))


@pytest.mark.parametrize(
    ("send", "told"),
    [
        (endless_body, "more than 32 MiB"),
        (long_by_its_own_word, "more than 32 MiB"),
        (until_it_is_closed, "more than 32 MiB"),
        (packed("gzip", bomb()), "more than 32 MiB"),
        (packed("deflate", gzip.compress(bytes(2**26))), "more than 32 MiB"),
        (packed("gzip", b"no gzip"), "came damaged"),
        (packed("gzip", gzip.compress(b"{}")[:-9]), "came damaged"),
        (packed("br", b"\x0b\x02\x80"), "came damaged"),
        (endless_headers, "HTTP"),
        (one_endless_header, "HTTP"),
        (garbage, "HTTP"),
    ],
)
async def test_an_endless_answer_is_reported_and_uses_no_memory(serve, answer, send, told):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with answering(serve, answer, send) as server, open_api(server) as api:
        with trio.fail_after(60), pytest.raises(AtollError, match=told) as caught:
            await api.json("GET", "/x")
    assert server.url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


async def test_an_answer_with_a_huge_content_length(serve, answer):
    async def send(stream):
        while True:
            await stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
            await trio.sleep(0.01)

    transport_timeout = 0.3
    async with answering(serve, answer, send) as server:
        profile = Profile(name="lab", endpoint=server.url)
        transport = connect(profile)
        with (
            patch("atoll_rest.transport.CONNECT_TIMEOUT", 0.2),
            trio.fail_after(60),
            pytest.raises(Unreachable, match=r"has not answered in 0\.5 s"),
        ):
            await transport.request(Request(method="GET", path="/x", timeout=transport_timeout))
        await transport.aclose()


@pytest.mark.parametrize(
    "piece", [b"data: " + b"x" * 65536, b"data: x\n" * 9000, b"event: y\nid: " + b"z" * 65536]
)
async def test_an_endless_event_is_refused(serve, answer, piece):
    async def send(stream):
        await stream.send_all(CHUNKED)
        while True:
            await stream.send_all(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def listen():
        async with open_api(server) as api:
            reply = await api.request("GET", "/events", stream=True)
            return [event async for event in reply.events()]

    async with answering(serve, answer, send) as server:
        with trio.fail_after(60), pytest.raises(Malformed, match="an event of more than"):
            await listen()


async def test_a_long_download_is_allowed(serve, answer):
    body = gzip.compress(bytes(2**26))
    async with answering(serve, answer, packed("gzip", body)) as server, open_api(server) as api:
        reply = await api.request("GET", "/file", stream=True)
        sizes = [len(chunk) async for chunk in reply.chunks()]
    assert sum(sizes) == 2**26
    assert max(sizes) <= 2**20


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        "[" * 200 + "]" * 200,
        "1" * 5_000,
        "[" + "[]," * 2_100_000 + "[]]",
        "{",
        "\ufeff{}",
        "",
    ],
    ids=["deep", "deep map", "too deep", "long number", "many", "cut", "mark", "empty"],
)
def test_unusable_json_is_refused(text):
    with pytest.raises(Malformed, match="the cluster at http://here answered"):
        decode(text, "http://here")


def test_half_surrogates_become_question_marks():
    assert decode(rb'{"name": "a\ud800b", "smile": "\ud83d\ude00"}', "") == {
        "name": "a?b",
        "smile": "\N{GRINNING FACE}",
    }


@pytest.mark.parametrize(
    ("value", "shape", "told"),
    [
        ({}, {"id": str}, "without id"),
        (None, {"id": str}, "it all as null, not a map"),
        ([], {"id": str}, "it all as a list, not a map"),
        ({"id": None}, {"id": str}, "id as null, not a text"),
        ({"id": 5}, {"id": str}, "id as a whole number, not a text"),
        ({"items": "abc"}, {"items": [str]}, "items as a text, not a list"),
        ({"items": [{}, None]}, {"items": [{}]}, r"items\[1\] as null, not a map"),
        ({"count": True}, {"count": int}, "count as true or false"),
        ({"count": float("nan")}, {"count": int}, "count as a number"),
        ({"count": 10**4000}, {"count": int}, "count as a number of absurd size"),
        ({"size": float("inf")}, {"size": float}, "size as a number"),
        ({"a": [{"b": 1}]}, {"a": [{"b": maybe(str)}]}, r"a\[0\].b as a whole number"),
        ({"a": "x"}, {"a": int}, "a as a text"),
        (["x"], [int], r"\[0\] as a text"),
        ([{}], [lambda _one: int("x")], r"with \[0\]: invalid literal"),
        ([{}], [lambda one: one["name"]], r"with \[0\]: 'name' is missing"),
        ([None], [Session.from_node], r"with \[0\]: "),
        ([{"name": 5}], [Session.from_node], "name is a whole number"),
        ([{"containers": {"a": 1}}], [Session.from_node], r"with \[0\]: "),
        ([{"occupying_slots": "[" * 5000}], [Session.from_node], r"with \[0\]: "),
    ],
)
def test_data_of_another_shape_is_named(value, shape, told):
    with pytest.raises(Malformed, match=f"the cluster at http://here answered .*{told}"):
        read(value, shape, "http://here")


def test_data_of_the_right_shape_is_accepted():
    shape = {"items": [{"id": str, "size": maybe(float)}], "total": int}
    answer = {"items": [{"id": "a", "more": [1]}, {"id": "b", "size": 2}], "total": 2, "x": None}
    assert read(answer, shape, "") == {
        "items": [{"id": "a", "more": [1], "size": None}, {"id": "b", "size": 2}],
        "total": 2,
        "x": None,
    }
    assert record(Session, {"name": "a", "status": None, "else": 1}) == Session(name="a")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3),
        (" 3 ", 3),
        ("²", None),
        ("٣", None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("9" * 18, 10 * 365 * 86400),
        ("9" * 5000, None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2001 00:00:00 +9999999", None),
        ("tomorrow", None),
    ],
)
def test_any_retry_after_can_be_read(text, seconds):
    found = retry_after(text)
    assert found == seconds if seconds is not None else found in (None, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"type": ["a"], "title": {"b": 1}, "msg": [null], "data": "x"}',
        b'{"type": "graphql-error", "data": {"a": 1}}',
        b'{"type": "graphql-error", "data": "text"}',
        b'{"type": "graphql-error", "data": [[]]}',
        b'{"type": "invalid-api-params", "data": {"a": [[]]}}',
        b'{"title": "%b"}' % (b"x" * 10**6),
        b"null",
        b'{"type": null, "title": null}',
    ],
)
def test_every_refusal_is_one_line(body):
    odd = {"retry-after": "²", "date": "Mon, 01 Jan 99999999999", "x-ratelimit-limit": "٣"}
    for status in (400, 429, 500):
        told = str(problem_from(status, body, headers=odd))
        assert told
        assert "\n" not in told
        assert len(told) < 3000


@pytest.mark.parametrize(
    "answered",
    [
        {"errors": {"a": 1}},
        {"errors": "text"},
        {"errors": [None]},
        {"errors": 5},
        {"data": []},
        {"data": "text"},
        {"data": 5},
        [],
        "text",
    ],
)
async def test_graphql_that_answers_something_else(serve, answer, answered):
    async def send(stream):
        await stream.send_all(answer(json.dumps(answered).encode()))

    async with answering(serve, answer, send) as server, open_api(server) as api:
        if answered == {"data": []}:
            assert await api.gql("query { x }") == {}
            return
        with pytest.raises(AtollError) as caught:
            await api.gql("query { x }")
    assert not isinstance(caught.value, Unreachable)
