"""Channels over real websockets: what travels, how they end, and what is said without one."""

import json
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from http import HTTPStatus

import pytest
import trio
from websockets.trio.server import serve as serve_websocket

from atoll import NotAuthorized, NotFound, Problem, Profile, Unreachable
from atoll.reading import Malformed
from atoll.transport import ChannelClosed, NotSent
from atoll.urls import path
from atoll_rest.signing import Signable, authorization
from atoll_websocket.transport import connect

VERSION = "v7.20230615"


def profile(endpoint, **kw):
    return Profile(name="lab", endpoint=endpoint, access_key="AK", secret_key="SK", **kw)


@pytest.fixture
def peer():
    """Serve websockets by a handler; gives the endpoint."""

    @asynccontextmanager
    async def running(handler, *, tls=None, **kw):
        async with trio.open_nursery() as nursery:
            start = partial(serve_websocket, handler, port=0, host="127.0.0.1", ssl=tls, **kw)
            server = await nursery.start(start)
            port = server.listeners[0].socket.getsockname()[1]
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
            nursery.cancel_scope.cancel()

    return running


async def echo(websocket):
    async with aclosing(aiter(websocket)) as messages:
        async for message in messages:
            await websocket.send(message)


@pytest.mark.parametrize("name", ["a b", "ünï", "100%", "a+b;c,d", "a/b?c#d", ".."])
async def test_the_signature_fits_what_travels(peer, name):
    seen = []

    async def handler(websocket):
        seen.append(websocket.request)
        await echo(websocket)

    async with peer(handler) as endpoint:
        transport = connect(profile(endpoint))
        target = path("stream", "session", name, "execute")
        async with transport.open(target, [("app", name), ("port", "1")], version=VERSION):
            pass
    [request] = seen
    signable = Signable(
        method="GET",
        host=request.headers["Host"],
        target=request.path,
        content_type="",
        version=request.headers["X-BackendAI-Version"],
        date=datetime.fromisoformat(request.headers["Date"]),
    )
    assert request.headers["Authorization"] == authorization("AK", "SK", signable)
    assert "Content-Type" not in request.headers


async def test_text_and_bytes_stay_what_they_are(peer):
    messages = ["text ü", b"\x00\xff", "", b"", b"x" * 3_000_000]
    async with peer(echo, max_size=None) as endpoint:
        transport = connect(profile(endpoint))
        async with transport.open("/x") as channel:
            for message in messages:
                await channel.send(message)
                assert await channel.receive() == message


@pytest.mark.parametrize(
    ("code", "reason", "clean"), [(1000, "done", True), (1001, "", True), (4001, "no such", False)]
)
async def test_the_end_says_how_it_came(peer, code, reason, clean):
    async def handler(websocket):
        await websocket.send("last words")
        await websocket.aclose(code, reason)

    async with peer(handler) as endpoint, connect(profile(endpoint)).open("/x") as channel:
        assert await channel.receive() == "last words"
        with pytest.raises(ChannelClosed) as caught:
            await channel.receive()
        with pytest.raises(ChannelClosed):
            await channel.send("too late")
    assert (caught.value.code, caught.value.reason, caught.value.clean) == (code, reason, clean)


async def test_a_connection_that_breaks_is_no_clean_end(peer):
    async def handler(websocket):
        await websocket.stream.aclose()

    async with peer(handler) as endpoint, connect(profile(endpoint)).open("/x") as channel:
        with pytest.raises(ChannelClosed, match="the connection was lost") as caught:
            await channel.receive()
    assert (caught.value.code, caught.value.clean) == (None, False)


async def test_leaving_the_context_closes_the_channel(peer):
    ended = trio.Event()

    async def handler(websocket):
        await echo(websocket)
        ended.set()

    async with peer(handler) as endpoint:
        async with connect(profile(endpoint)).open("/x") as channel:
            await channel.aclose()
            await channel.aclose()
        with trio.fail_after(60):
            await ended.wait()


async def test_cancelling_closes_the_channel(peer):
    ended = trio.Event()

    async def handler(websocket):
        try:
            await websocket.recv()
        finally:
            ended.set()

    async with peer(handler) as endpoint:
        with trio.move_on_after(0.05) as scope:
            async with connect(profile(endpoint)).open("/x") as channel:
                await channel.receive()
        assert scope.cancelled_caught
        with trio.fail_after(60):
            await ended.wait()


@pytest.mark.parametrize(
    "error", [LookupError("a"), ExceptionGroup("g", [LookupError("a"), OSError()])]
)
async def test_what_the_user_of_a_channel_raises_comes_out_as_it_is(peer, error):
    async with peer(echo) as endpoint:
        with pytest.raises(type(error)) as caught:
            async with connect(profile(endpoint)).open("/x"):
                raise error
    assert repr(caught.value) == repr(error)


@pytest.mark.parametrize(
    ("status", "kind", "family"),
    [
        (404, "object-not-found", NotFound),
        (401, "auth-failed", NotAuthorized),
        (500, "internal-server-error", Problem),
    ],
)
async def test_a_refusal_is_the_same_problem_as_anywhere(peer, status, kind, family):
    def refuse(connection, _request):
        body = {
            "type": f"https://api.backend.ai/probs/{kind}",
            "title": "Refused.",
            "msg": "Not you",
        }
        response = connection.respond(HTTPStatus(status), json.dumps(body))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/problem+json"
        return response

    async with peer(echo, process_request=refuse) as endpoint:
        with pytest.raises(family, match="Refused: Not you") as caught:
            async with connect(profile(endpoint)).open("/x"):
                pass
    assert (caught.value.status, caught.value.type) == (status, kind)


async def test_a_redirect_is_not_followed(serve, answer):
    async def handler(_seen, stream):
        await stream.send_all(answer(status=302, headers=["Location: ws://elsewhere.example/"]))

    async with serve(handler) as server:
        with pytest.raises(Problem, match=r"redirects to ws://elsewhere\.example/"):
            async with connect(profile(server.url)).open("/x"):
                pass


@pytest.mark.parametrize("fault", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 101 Sw"])
async def test_a_handshake_that_breaks_off(serve, fault):
    async def handler(_seen, stream):
        await stream.send_all(fault)

    async with serve(handler) as server:
        with pytest.raises(Unreachable, match="broke off the websocket handshake"):
            async with connect(profile(server.url)).open("/x"):
                pass


async def test_refused_means_not_sent():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    with pytest.raises(NotSent, match="nothing listens there"):
        async with connect(profile(f"http://127.0.0.1:{port}")).open("/x"):
            pass


async def test_tls_with_an_authority_of_the_profile(peer, make_certificate):
    certificate = make_certificate()
    async with peer(echo, tls=certificate.server_context()) as endpoint:
        trusting = profile(endpoint, ca_file=certificate.file)
        async with connect(trusting).open("/x") as channel:
            await channel.send("secret")
            assert await channel.receive() == "secret"


async def test_a_certificate_that_is_not_trusted(peer, make_certificate):
    async with peer(echo, tls=make_certificate().server_context()) as endpoint:
        with pytest.raises(Unreachable, match="is self-signed"):
            async with connect(profile(endpoint)).open("/x"):
                pass


async def test_bytes_go_through_the_dialer(peer):
    class Tunnel:
        closed = False

        async def dial(self, host, port):
            assert (host, port) == ("inside.example", 80)
            return await trio.open_tcp_stream("127.0.0.1", self.port)

        async def aclose(self):
            self.closed = True

    dialer = Tunnel()
    async with peer(echo) as endpoint:
        dialer.port = int(endpoint.rpartition(":")[2])
        transport = connect(profile("http://inside.example", via="test://"), dialer)
        async with transport.open("/x") as channel:
            await channel.send("through")
            assert await channel.receive() == "through"
        await transport.aclose()
    assert dialer.closed


@pytest.fixture
def clean_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def pump(source, sink):
    async for data in source:
        await sink.send_all(data)


async def test_a_channel_goes_through_the_proxy_of_the_environment(
    peer, serve, clean_environment, monkeypatch
):
    async with peer(echo) as endpoint:

        async def tunnel(seen, stream):
            assert (seen.method, seen.target) == ("CONNECT", "cluster.example:80")
            await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            port = int(endpoint.rpartition(":")[2])
            onward = await trio.open_tcp_stream("127.0.0.1", port)
            async with onward, trio.open_nursery() as nursery:
                nursery.start_soon(pump, stream, onward)
                await pump(onward, stream)
                nursery.cancel_scope.cancel()

        async with serve(tunnel) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            transport = connect(profile("http://cluster.example"))
            async with transport.open("/x") as channel:
                await channel.send("through")
                assert await channel.receive() == "through"


@pytest.mark.parametrize(
    ("status", "family", "told"),
    [(407, Unreachable, "refused the connection"), (None, NotSent, "proxy")],
)
async def test_a_proxy_that_does_not_let_through(
    serve, answer, clean_environment, monkeypatch, status, family, told
):
    async def refuse(_seen, stream):
        await stream.send_all(answer(status=status))

    async with serve(refuse) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url if status else "http://127.0.0.1:1")
        with pytest.raises(family, match=told):
            async with connect(profile("http://cluster.example")).open("/x"):
                pass


@pytest.mark.parametrize("message", ["x" * 40_000_000, bytes(33 * 2**20)])
async def test_a_message_that_is_too_long_is_told(peer, message):
    async def handler(websocket):
        await websocket.send(message)

    async with peer(handler) as endpoint, connect(profile(endpoint)).open("/x") as channel:
        with pytest.raises(Malformed, match=f"{endpoint} answered with a message of more than"):
            await channel.receive()
