"""The API's proxy: what it is asked it signs and sends to the cluster, and nowhere else, ever."""

import json
from contextlib import asynccontextmanager
from functools import partial

import h11
import pytest
import trio

from atoll import Api, Profile
from atoll_apps.http import server as http_server
from atoll_apps.http.rules import RequestRules
from atoll_apps.http.server import serve_connection
from atoll_apps.ports.connection_filter import ConnectionFilter, LimitedWarnings
from atoll_apps.ports.listeners import Bind, listening
from atoll_apps.ports.serving import serve as serve_port
from atoll_apps.proxy.requests import forward_request
from atoll_rest.transport import connect as connect_rest

PAGES = "https://pages.example.com"
SOCKET = [b"Upgrade: websocket", b"Connection: upgrade"]


@pytest.fixture
def proxied(serve, answer):
    """Return the context manager that runs a cluster and a proxy of it; gives both."""

    @asynccontextmanager
    async def running():
        async def reply(seen, stream):
            body = json.dumps({"version": "v7.20230615", "manager": "23.09.10"}).encode()
            if seen.target == "/cut":
                await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                return False
            await stream.send_all(answer(body, headers=["Access-Control-Allow-Origin: *"]))
            return True

        async with serve(reply) as cluster, trio.open_nursery() as nursery:
            profile = Profile(name="lab", endpoint=cluster.url, access_key="AK", secret_key="SK")
            async with (
                Api(profile, lambda _kind, profile: connect_rest(profile)) as api,
                listening(Bind("localhost")) as (listeners, port),
            ):
                await api.version()
                cluster.requests.clear()
                handle = partial(
                    serve_connection,
                    partial(forward_request, api),
                    RequestRules(origins=frozenset({PAGES})),
                )
                connection_filter = ConnectionFilter("proxy", LimitedWarnings(pytest.fail))
                nursery.start_soon(serve_port, listeners, connection_filter, handle)
                with trio.fail_after(60):
                    yield Proxy(cluster, port)
                nursery.cancel_scope.cancel()

    return running


class Proxy:
    """What a test asks of it."""

    def __init__(self, cluster, port):
        self.cluster, self.port = cluster, port

    async def ask(self, data, method="GET"):
        """Send some bytes, and return the answer and its body."""
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as local:
            await local.send_all(data)
            parser, body, head = h11.Connection(h11.CLIENT), b"", None
            parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
            parser.send(h11.EndOfMessage())
            while not isinstance(event := parser.next_event(), h11.EndOfMessage):
                if event is h11.NEED_DATA:
                    parser.receive_data(await local.receive_some())
                elif isinstance(event, h11.Response):
                    head = event
                elif isinstance(event, h11.Data):
                    body += event.data
            return head, body

    async def works(self):
        """Whether it still serves."""
        before = len(self.cluster.requests)
        head, _ = await self.ask(b"GET /works HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return head.status_code == 200 and len(self.cluster.requests) == before + 1


def request(target=b"/x", *fields, method=b"GET", host=b"localhost"):
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: " + host, *fields, b"", b""]
    return b"\r\n".join(lines)


BOTH = [b"Content-Length: 3", b"Transfer-Encoding: chunked"]
CHUNKED = request(b"/x", b"Transfer-Encoding: chunked", method=b"POST")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(b"/x", *BOTH, method=b"POST") + b"0\r\n\r\n", 400),
        (request(b"/x", b"X-Name: \xe4"), 400),
        (request(b"/x", b"User-Agent: \xff\xfe"), 400),
        (request(b"/x", b"Cookie: \x80"), 400),
        (request(b"/x", b"Content-Type: text/\xc3\xa4"), 400),
        (request(b"/\xc3\xa4"), 400),
        (request(b"*", method=b"OPTIONS"), 400),
        (request(b"*"), 400),
        (request(b"localhost:443", method=b"CONNECT"), 405),
        (request(b"/", method=b"CONNECT"), 405),
        (request(b"http://localhost/x"), 400),
        (request(b"https://127.0.0.1:7998/x"), 400),
        (request(b"@127.0.0.1:7998/x"), 400),
        (request(b":7998/x"), 400),
        (request(b".evil.example/x"), 400),
        (request(b"x"), 400),
        (request(b"?x"), 400),
        (request(b"\\evil.example/x"), 400),
        (request(b"/x#y"), 400),
        (request(b"/x", b"Origin: " + PAGES.encode(), b"Origin: http://evil.example"), 400),
        (request(b"/x", b"Host: localhost"), 400),
        (request(b"/x", b"Content-Length: 1", b"Content-Length: 2"), 400),
        (request(b"/x", b"Content-Length: x"), 400),
        (request(b"/x", b"Transfer-Encoding: gzip"), 501),
        (request(b"/x", b"X: " + b"y" * 100_000), 431),
        (request(b"/" + b"x" * 100_000), 431),
        (b"GET /x HTTP/1.0\r\n\r\n", 400),
        (b"GET /x\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"\r\n\r\n\x00\r\n\r\n", 400),
        (CHUNKED + b"what\r\n\r\n", 400),
        (CHUNKED + b"-1\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_costs_itself_alone(proxied, data, status):
    async with proxied() as proxy:
        head, body = await proxy.ask(data)
        assert head.status_code == status
        assert json.loads(body)["title"]
        assert await proxy.works()
        assert [one.target for one in proxy.cluster.requests if "works" not in one.target] in (
            [],
            # Its beginning was sent when its body turned out to be none.
            ["/x"] if data.startswith(CHUNKED) else [],
        )


@pytest.mark.parametrize(
    ("fields", "host", "status"),
    [
        ([], b"localhost", 200),
        ([], b"evil.example", 403),
        ([], b"localhost@evil.example", 403),
        ([b"Origin: http://localhost:PORT"], b"localhost:PORT", 200),
        ([b"Origin: https://pages.example.com", b"Sec-Fetch-Site: cross-site"], b"localhost", 200),
        ([b"Origin: http://localhost:18681"], b"localhost:PORT", 403),
        ([b"Origin: http://127.0.0.1:PORT"], b"localhost:PORT", 403),
        ([b"Origin: https://pages.example.com.evil.example"], b"localhost", 403),
        ([b"Origin: http://pages.example.com"], b"localhost", 403),
        ([b"Origin: null"], b"localhost", 403),
        ([b"Sec-Fetch-Site: cross-site"], b"localhost", 403),
        ([b"Sec-Fetch-Site: same-site"], b"localhost", 403),
        ([b"Sec-Fetch-Site: none"], b"localhost", 200),
        ([b"Origin: http://localhost:18681", *SOCKET], b"localhost:PORT", 403),
        (SOCKET, b"evil.example:PORT", 403),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"OPTIONS"])
async def test_pages(proxied, fields, host, status, method):
    async with proxied() as proxy:
        port = b"%d" % proxy.port
        fields = [field.replace(b"PORT", port) for field in fields]
        asked = request(b"/x", *fields, host=host.replace(b"PORT", port), method=method)
        head, _ = await proxy.ask(asked, method.decode())
        origin = dict(field.split(b": ") for field in fields).get(b"Origin")
        preflight = method == b"OPTIONS" and origin
        assert head.status_code == (204 if preflight and status == 200 else status)
        readers = [v for k, v in head.headers if k == b"access-control-allow-origin"]
        assert readers == ([origin] if origin and status == 200 else [])
        assert len(proxy.cluster.requests) == (status == 200 and not preflight)


@pytest.mark.parametrize("target", ["//evil.example/x", "/v4//evil.example/x", "/a%2f..%2f@b/x"])
async def test_all_paths_are_the_cluster_s(proxied, target):
    async with proxied() as proxy:
        head, _ = await proxy.ask(request(target.encode()))
        assert head.status_code == 200
        [seen] = proxy.cluster.requests
        assert seen.target == target.removeprefix("/v4")
        assert seen.headers["host"] == f"127.0.0.1:{proxy.cluster.port}"


@pytest.mark.parametrize("begun", [b"", b"GET /x HTT", request() + b"GET /", CHUNKED + b"5\r\nab"])
async def test_who_does_not_go_on_is_not_waited_for(proxied, begun, monkeypatch):
    monkeypatch.setattr(http_server, "_IDLE_TIMEOUT", 0.2)
    async with proxied() as proxy, await trio.open_tcp_stream("127.0.0.1", proxy.port) as local:
        if begun:
            await local.send_all(begun)
        said = b""
        async for some in local:
            said += some
        assert (b"HTTP/1.1 408 " in said) == bool(begun)
        assert await proxy.works()


async def test_who_breaks_off_is_no_matter(proxied):
    async with proxied() as proxy:
        for data in (b"", b"GET ", request(), CHUNKED + b"5\r\nab"):
            async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as local:
                if data:
                    await local.send_all(data)
        with pytest.raises(h11.RemoteProtocolError):
            await proxy.ask(request(b"/cut"))
        assert await proxy.works()


async def test_requests_one_after_the_other(proxied):
    """A connection is kept; HTTP/1.0 is spoken too."""
    async with proxied() as proxy:
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as local:
            await local.send_all(request() * 3 + request(host=b"evil.example"))
            said = b""
            async for some in local:
                said += some
        assert [said.count(b"HTTP/1.1 %d" % status) for status in (200, 403)] == [3, 1]
        head, _ = await proxy.ask(b"GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert head.status_code == 200
