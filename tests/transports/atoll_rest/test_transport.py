"""Requests over real sockets: what travels, and what is said when it does not arrive."""

import json
import re
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from datetime import datetime
from email.parser import BytesParser
from email.policy import HTTP

import pytest
import trio

from atoll import ConfigError, Profile, Unreachable
from atoll.transport import NotSent, Part, Request
from atoll.urls import path
from atoll_rest.signing import Signable, authorization
from atoll_rest.tcp import open_stream
from atoll_rest.transport import connect

SECRET = "a-secret-that-must-not-be-shown"
ODD_NAMES = [
    "a b",
    "ünïcode 日本",
    "100%",
    "a%20b",
    "a+b",
    "a,b;c",
    "a/b?c#d",
    "..",
    "~'()*!",
    '"<>\\^`{|}',
]


def profile(endpoint, **kw):
    return Profile(name="lab", endpoint=endpoint, access_key="AK", secret_key=SECRET, **kw)


def get(target_path="/x", **kw):
    return Request(**{"method": "GET", "path": target_path, "version": "v7.20230615", **kw})


def signature_of(seen, content_type):
    """Sign a request as the server does: from what has come over the wire."""
    signable = Signable(
        method=seen.method,
        host=seen.headers["host"],
        target=seen.target,
        content_type=content_type,
        version=seen.headers["x-backendai-version"],
        date=datetime.fromisoformat(seen.headers["date"]),
    )
    return authorization("AK", SECRET, signable)


@pytest.fixture
def echo(serve, answer):
    """Serve answers that say nothing, on connections that are kept."""

    async def handler(_seen, stream):
        await stream.send_all(answer())
        return True

    return serve(handler)


async def exchange(server, request, **kw):
    transport = connect(profile(server.url, **kw))
    try:
        return await (await transport.request(request)).read()
    finally:
        await transport.aclose()


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_the_signature_fits_what_travels(echo, name):
    async with echo as server:
        request = get(path("session", name, "logs"), query=[("name", name), ("path", "a/b")])
        await exchange(server, request)
    [seen] = server.requests
    assert seen.headers["authorization"] == signature_of(seen, "text/plain")
    assert seen.headers["content-type"] == "text/plain"
    assert seen.target.startswith("/session/")
    assert seen.target.partition("?")[0].endswith("/logs")


async def test_the_path_of_the_endpoint_comes_first_and_is_signed(echo):
    async with echo as server:
        transport = connect(profile(f"{server.url}/base/"))
        await (await transport.request(get("/session"))).read()
        await transport.aclose()
    [seen] = server.requests
    assert seen.target == "/base/session"
    assert seen.headers["authorization"] == signature_of(seen, "text/plain")


async def test_a_body_travels_with_its_type(echo):
    body = json.dumps({"a": "ü"}).encode()
    async with echo as server:
        await exchange(server, get(method="POST", body=body, content_type="application/json"))
    [seen] = server.requests
    assert seen.body == body
    assert seen.headers["authorization"] == signature_of(seen, "application/json")


async def test_multipart_is_signed_without_its_boundary(echo):
    parts = [Part("src", "a b.txt", b"one"), Part("src", "ü.txt", b"two")]
    async with echo as server:
        await exchange(server, get(method="POST", parts=parts))
    [seen] = server.requests
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert seen.headers["authorization"] == signature_of(seen, "multipart/form-data")
    assert b"one" in seen.body
    assert b"two" in seen.body


@pytest.mark.parametrize("name", [*ODD_NAMES, "new\nline", "dir/a b.txt"])
async def test_files_of_a_form_arrive_under_their_names(echo, name):
    """As the standard library reads them, whose rules are those of RFC 2231."""
    parts = [Part("src", name, b"content\r\n"), Part("src", "b", b"")]
    async with echo as server:
        await exchange(server, get(method="POST", parts=parts))
    [seen] = server.requests
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n"
    form = BytesParser(policy=HTTP).parsebytes(head.encode() + seen.body)
    assert [part.get_filename() for part in form.iter_parts()] == [name, "b"]


async def test_without_keys_nothing_is_signed(echo):
    async with echo as server:
        transport = connect(Profile(name="anonymous", endpoint=server.url))
        await (await transport.request(get())).read()
        await transport.aclose()
    [seen] = server.requests
    assert "authorization" not in seen.headers
    assert seen.headers["x-backendai-version"] == "v7.20230615"


async def test_an_unsigned_request_gives_nothing_away(echo):
    async with echo as server:
        await exchange(server, get("/", signed=False, version=""))
    [seen] = server.requests
    assert not {"authorization", "x-backendai-version"} & set(seen.headers)


@pytest.mark.parametrize("length", [{}, {"Content-Length": "9"}])
async def test_a_body_is_streamed_up(echo, length):
    async def pieces():
        for piece in (b"one", b"two", b"six"):
            await trio.lowlevel.checkpoint()
            yield piece

    async with echo as server:
        await exchange(server, get(method="PATCH", body=pieces(), headers=length))
    [seen] = server.requests
    assert seen.body == b"onetwosix"
    assert ("transfer-encoding" in seen.headers) is not bool(length)


async def test_a_body_is_streamed_down_as_it_comes(serve):
    first_seen = trio.Event()

    async def handler(_seen, stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        await first_seen.wait()
        await stream.send_all(b"two")

    async with serve(handler) as server:
        transport = connect(profile(server.url))
        response = await transport.request(get())
        chunks = []
        with trio.fail_after(60):
            async for chunk in response.chunks():
                chunks.append(chunk)
                first_seen.set()
        await transport.aclose()
    assert chunks == [b"one", b"two"]


LONG = 40 * 1024 * 1024


@pytest.fixture
def long_answer(serve):
    """Return a context manager that serves a long answer, all of it or not, and something more."""

    def serving(*, sent=LONG, then=b"", silent=False):
        async def handler(_seen, stream):
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LONG)
            with suppress(trio.BrokenResourceError):
                await stream.send_all(bytes(range(256)) * (sent // 256) + then)
                while silent:
                    await trio.sleep_forever()

        return serve(handler)

    return serving


@pytest.mark.parametrize("more", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_long_body_arrives_whole_and_the_next_one_too(long_answer, more):
    async with long_answer(then=more) as server:
        transport = connect(profile(server.url))
        for _ in range(2):
            body = await (await transport.request(get())).read(2**30)
            assert body == bytes(range(256)) * (LONG // 256)
        await transport.aclose()


async def test_a_long_body_that_breaks_off_is_told(long_answer):
    async with long_answer(sent=LONG // 2) as server:
        with pytest.raises(Unreachable, match="was lost"):
            await exchange(server, get())


async def test_a_long_body_that_stands_still_ends_with_the_time_out(long_answer):
    async with long_answer(sent=LONG // 2, silent=True) as server:
        with pytest.raises(Unreachable, match=r"has been silent for 0\.5 s"):
            await exchange(server, get(timeout=0.5))


async def test_who_leaves_a_long_body_closes_its_connection(long_answer):
    async with long_answer(sent=LONG // 2, silent=True) as server:
        transport = connect(profile(server.url))
        response = await transport.request(get())
        received = 0
        with trio.CancelScope() as enough:
            async for chunk in response.chunks():
                received += len(chunk)
                if received == LONG // 2:
                    enough.cancel()
        await response.aclose()
        await (await transport.request(get())).aclose()
        await transport.aclose()
    assert (received, server.connections) == (LONG // 2, 2)


async def test_connections_are_used_again(echo):
    async with echo as server:
        transport = connect(profile(server.url))
        for _ in range(3):
            await (await transport.request(get())).read()
        await transport.aclose()
    assert server.connections == 1


async def test_a_connection_that_was_closed_while_idle_is_replaced(serve, answer):
    closed = trio.Event()

    async def handler(_seen, stream):
        await stream.send_all(answer())
        await stream.aclose()
        closed.set()

    async with serve(handler) as server:
        transport = connect(profile(server.url))
        await (await transport.request(get())).read()
        await closed.wait()
        await (await transport.request(get())).read()
        await transport.aclose()
    assert server.connections == 2


async def test_a_redirect_is_not_followed(serve, answer):
    async def handler(_seen, stream):
        moved = answer(status=302, headers=["Location: /elsewhere"])
        await stream.send_all(moved)
        return True

    async with serve(handler) as server:
        transport = connect(profile(server.url))
        response = await transport.request(get())
        assert (response.status, response.headers["location"]) == (302, "/elsewhere")
        await response.aclose()
        await transport.aclose()
    assert len(server.requests) == 1


async def unused_port():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    for listener in listeners:
        await listener.aclose()
    return port


async def test_refused_means_not_sent():
    transport = connect(profile(f"http://127.0.0.1:{await unused_port()}"))
    with pytest.raises(NotSent, match=r"can't connect to http://127\.0\.0\.1:.*nothing listens"):
        await transport.request(get())
    await transport.aclose()


async def test_an_unknown_host_means_not_sent():
    transport = connect(profile("http://no-such-host.invalid"))
    with pytest.raises(NotSent, match=r"there is no host no-such-host\.invalid"):
        await transport.request(get())
    await transport.aclose()


@pytest.fixture
def silent_port():
    """A port where connections are neither taken nor refused, since its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_a_connection_that_takes_too_long_means_not_sent(silent_port):
    with pytest.raises(NotSent, match=r"no answer for 0\.05 s"):
        await open_stream("127.0.0.1", silent_port, name="http://h", dialer=None, patience=0.05)


FAULTS = {
    "no answer": b"",
    "cut in the head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "cut in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_lost_answer_is_told_in_one_line(serve, fault):
    async def handler(_seen, stream):
        await stream.send_all(fault)

    async with serve(handler) as server:
        with pytest.raises(Unreachable) as caught:
            await exchange(server, get())
    assert str(caught.value) == f"connection to {server.url} was lost"


async def test_silence_ends_with_the_time_out(serve):
    async def handler(_seen, _stream):
        await trio.sleep_forever()

    async with serve(handler) as server:
        with pytest.raises(Unreachable, match=r"has been silent for 0\.05 s"):
            await exchange(server, get(timeout=0.05))


async def test_no_message_holds_the_secret(serve):
    async def handler(_seen, _stream):
        return None

    async with serve(handler) as server:
        with pytest.raises(Unreachable) as caught:
            await exchange(server, get())
    told = repr(caught.value) + str(caught.value)
    assert SECRET not in told
    assert "credential" not in told


async def test_a_key_with_a_line_end_is_told_before_anything_is_sent(echo):
    async with echo as server:
        broken = Profile(name="lab", endpoint=server.url, access_key="AK\r\nX: y", secret_key="s")
        transport = connect(broken)
        with pytest.raises(ConfigError, match="access key of profile lab"):
            await transport.request(get())
        await transport.aclose()
    assert server.requests == []


async def test_an_answer_is_dropped_when_the_caller_is_cancelled(serve):
    gone = trio.Event()

    async def handler(_seen, stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        await stream.receive_some()
        gone.set()

    async with serve(handler) as server:
        transport = connect(profile(server.url))
        response = await transport.request(get())
        with trio.move_on_after(0.02):
            await response.read()
        await response.aclose()
        with trio.fail_after(60):
            await gone.wait()
        await transport.aclose()


class LocalDialer:
    """Dials one server whatever the name, as a tunnel does."""

    def __init__(self, port):
        self.port = port
        self.dialled = []
        self.closed = False

    async def dial(self, host, port):
        self.dialled.append((host, port))
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    async def aclose(self):
        self.closed = True


async def test_bytes_go_through_the_dialer(echo):
    async with echo as server:
        dialer = LocalDialer(server.port)
        transport = connect(profile("http://inside.example:8080", via="test://"), dialer)
        await (await transport.request(get())).read()
        await transport.aclose()
    assert dialer.dialled == [("inside.example", 8080)]
    assert dialer.closed
    [seen] = server.requests
    assert seen.headers["host"] == "inside.example:8080"
    assert seen.headers["authorization"] == signature_of(seen, "text/plain")


async def test_what_a_dialer_says_reaches_the_user():
    class Locked:
        async def dial(self, _host, _port):
            raise Unreachable("the bastion does not know your key")

        async def aclose(self):
            pass

    transport = connect(profile("http://inside.example"), Locked())
    with pytest.raises(Unreachable, match="the bastion does not know your key"):
        await transport.request(get())
    await transport.aclose()


def imported_by(module):
    program = f"import sys, {module}; print(' '.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_each_module_imports_no_more_than_it_needs():
    heavy = {"trio", "httpx", "httpcore", "ssl", "asyncio"}
    assert not imported_by("atoll_rest") & heavy
    assert not imported_by("atoll_rest.api") & {"httpx", "httpcore", "asyncio"}
    unwanted = re.compile(r"(rich|pygments|click|asyncio)(\..*)?")
    assert not [name for name in imported_by("atoll_rest.transport") if unwanted.fullmatch(name)]
