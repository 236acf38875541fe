"""Requests, channels and streams of bytes, all by the proxy that the environment names."""

from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from websockets.trio.server import serve as serve_websocket

import atoll_rest.transport
import atoll_websocket.transport
from atoll import Profile, Unreachable
from atoll.transport import NotSent, Request

HOST = "cluster.example"
ADDRESS = "192.0.2.1"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def take(stream, count):
    data = b""
    while len(data) < count:
        data += await stream.receive_some(count - len(data))
    return data


async def carry(stream, port):
    onward = await trio.open_tcp_stream("127.0.0.1", port)
    async with onward, trio.open_nursery() as nursery:
        nursery.start_soon(pump, stream, onward)
        await pump(onward, stream)
        nursery.cancel_scope.cancel()


async def pump(source, sink):
    try:
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


class Socks:
    """A SOCKS 5 proxy that leads to one port, whatever it is asked for; bytes come one by one."""

    def __init__(self, port, *, login=b"", code=0):
        self.port, self.login, self.code = port, login, code
        self.asked = []

    async def serve(self, stream):
        async with stream:
            _, count = await take(stream, 2)
            methods = await take(stream, count)
            method = 2 if self.login else 0
            await stream.send_all(bytes([5, method if method in methods else 255]))
            if method not in methods or not await self._is_let_in(stream):
                return
            _, _, _, kind = await take(stream, 4)
            size = {1: 4, 4: 16}.get(kind) or (await take(stream, 1))[0]
            self.asked.append((kind, await take(stream, size), await take(stream, 2)))
            for byte in bytes([5, self.code, 0, 3, 4]) + b"here\0\0":
                await stream.send_all(bytes([byte]))
            if not self.code:
                await carry(stream, self.port)

    async def _is_let_in(self, stream):
        if not self.login:
            return True
        given = await take(stream, len(self.login))
        await stream.send_all(bytes([1, given != self.login]))
        return given == self.login


@asynccontextmanager
async def listening(handler):
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def websockets():
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            partial(serve_websocket, echo, port=0, host="127.0.0.1", compression=None)
        )
        yield server.listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.fixture
def proxies(serve):
    """Return context managers by scheme, which take a port and give the proxy's URL."""

    @asynccontextmanager
    async def http(port):
        async def tunnel(seen, stream):
            assert seen.headers.get("proxy-authorization", "Basic bWU6cEBzcw==")
            await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
            await carry(stream, port)

        async with serve(tunnel) as proxy:
            yield proxy.url.replace("//", "//me:p%40ss@")

    @asynccontextmanager
    async def socks(port, scheme, **kw):
        async with listening(Socks(port, **kw).serve) as there:
            user = "me:p%40ss@" if kw.get("login") else ""
            yield f"{scheme}://{user}127.0.0.1:{there}"

    login = b"\1\2me\4p@ss"
    return {
        "http": http,
        "socks5h": partial(socks, scheme="socks5h"),
        "socks5": partial(socks, scheme="socks5"),
        "socks5h with a password": partial(socks, scheme="socks5h", login=login),
    }


def profile():
    return Profile(name="lab", endpoint=f"http://{ADDRESS}", access_key="AK", secret_key="SK")


WAYS = ["http", "socks5h", "socks5", "socks5h with a password"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "all_proxy"])
@pytest.mark.parametrize("way", WAYS)
async def test_channels_and_streams_go_by_the_proxy(proxies, monkeypatch, way, name):
    async with websockets() as port, proxies[way](port) as url:
        monkeypatch.setenv(name, url)
        transport = atoll_websocket.transport.connect(profile())
        async with transport.open("/x") as channel:
            await channel.send("text")
            assert await channel.receive() == "text"
        async with transport.stream("/x") as stream:
            await stream.send_all(b"bytes")
            assert await stream.receive_some() == b"bytes"


@pytest.mark.parametrize("way", WAYS[1:])
async def test_requests_go_by_a_socks_proxy(serve, answer, proxies, monkeypatch, way):
    async def handler(_seen, stream):
        await stream.send_all(answer(b"from afar"))

    async with serve(handler) as cluster, proxies[way](cluster.port) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        transport = atoll_rest.transport.connect(profile())
        assert url.rpartition("@")[2].rpartition("/")[2] in transport.proxy
        response = await transport.request(Request(method="GET", path="/x"))
        assert await response.read() == b"from afar"
        await transport.aclose()
    assert cluster.requests[0].headers["host"] == ADDRESS


@pytest.mark.parametrize(
    ("scheme", "host", "asked"),
    [
        ("socks5h", HOST, (3, HOST.encode())),
        ("socks5h", ADDRESS, (1, b"\xc0\0\2\1")),
        ("socks5", ADDRESS, (1, b"\xc0\0\2\1")),
        ("socks5h", "[2001:db8::1]", (4, bytes.fromhex("20010db8000000000000000000000001"))),
    ],
)
async def test_who_looks_names_up(monkeypatch, scheme, host, asked):
    proxy = Socks(0, code=5)
    async with listening(proxy.serve) as port:
        monkeypatch.setenv("HTTP_PROXY", f"{scheme}://127.0.0.1:{port}")
        target = Profile(name="lab", endpoint=f"http://{host}:81")
        transport = atoll_rest.transport.connect(target)
        with pytest.raises(NotSent, match="nothing listens there"):
            await transport.request(Request(method="GET", path="/x"))
        await transport.aclose()
    assert proxy.asked == [(*asked, b"\0\x51")]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"\5\xff", "another login method"),
        (b"HTTP/1.1 400 Bad\r\n\r\n", "another login method"),
        (b"", "does not answer as a SOCKS proxy"),
        (b"\5", "does not answer as a SOCKS proxy"),
        (b"\5\0\4\0\0\1", "does not answer as a SOCKS proxy"),
        (b"\5\0\5\2\0\1", "its rules forbid that"),
    ],
)
async def test_a_socks_proxy_that_does_not_let_through(monkeypatch, sent, told):
    async def handler(stream):
        await stream.send_all(sent)
        await stream.send_eof()
        async for _ in stream:
            pass

    async with listening(handler) as port:
        monkeypatch.setenv("HTTP_PROXY", f"socks5h://127.0.0.1:{port}")
        transport = atoll_websocket.transport.connect(profile())
        with pytest.raises((NotSent, Unreachable), match=told):
            async with transport.open("/x"):
                pass
