"""Web services behind a local port: every request is looked at, and nothing else is touched."""

import random
from contextlib import asynccontextmanager, suppress
from functools import partial

import h11
import pytest
import trio

from atoll_apps.http.filter import RequestFilter, looks_like_http
from atoll_apps.http.rules import RequestRules
from atoll_apps.ports.connection_filter import ConnectionFilter, LimitedWarnings
from atoll_apps.ports.listeners import Bind, listening
from atoll_apps.tunnel.connector import Connector
from atoll_apps.tunnel.forwarding import forward_all

MINE = b"Host: localhost\r\n"
EVIL = b"Host: evil.example\r\n"
LARGE = random.randbytes(3_000_000)


class Site:
    """A service of HTTP/1.1 that keeps its connections; `seen` are the requests that it got."""

    def __init__(self):
        self.seen = []

    async def __call__(self, stream):
        """Serve one connection."""
        parser = h11.Connection(h11.SERVER)
        while await self._answer(parser, stream):
            parser.start_next_cycle()

    async def _answer(self, parser, stream):
        request, body = None, b""
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                if parser.they_are_waiting_for_100_continue:
                    await stream.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
                parser.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.Request):
                request = event
            else:
                return False
        self.seen.append((request.method.decode(), request.target.decode(), body))
        if request.target == b"/switch":
            await stream.send_all(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n")
            await stream.send_all(parser.trailing_data[0])
            await echo(stream)
            return False
        await self._send(parser, stream, request)
        return parser.our_state is h11.DONE

    async def _send(self, parser, stream, request):
        if request.target == b"/chunked":
            parts = [LARGE[:70_000], LARGE[70_000:]]
            headers = [("Transfer-Encoding", "chunked")]
        else:
            parts = [LARGE if request.target == b"/large" else b"hello"]
            headers = [("Content-Length", str(len(parts[0])))]
        await stream.send_all(parser.send(h11.Response(status_code=200, headers=headers)))
        if request.method != b"HEAD":
            for part in parts:
                await stream.send_all(parser.send(h11.Data(data=part)))
        await stream.send_all(parser.send(h11.EndOfMessage()))


@pytest.fixture
def forwarded(make_manager, target):
    """Return the context manager that forwards a site, and gives a connection to it."""

    @asynccontextmanager
    async def running(service, *, sniff=False, rules=None, said=None):
        tell = [].append if said is None else said.append
        web = RequestFilter(rules or RequestRules(links=True), tell, sniff)
        async with (
            make_manager(site=service) as manager,
            manager.api() as api,
            listening(Bind()) as (listeners, port),
            trio.open_nursery() as nursery,
        ):
            connection_filter = ConnectionFilter("site", LimitedWarnings(print))
            connector = Connector(api, target("site"), print)
            nursery.start_soon(forward_all, connector, listeners, connection_filter, web)
            with trio.fail_after(60):
                async with await trio.open_tcp_stream("127.0.0.1", port) as local:
                    yield Client(local)
            nursery.cancel_scope.cancel()

    return running


class Client:
    """Reads answers one by one."""

    def __init__(self, local):
        self.local = local
        self._rest = b""

    async def ask(self, *parts):
        """Send as it is."""
        for part in parts:
            await self.local.send_all(part)

    async def answer(self, method="GET"):
        """Return the status and the body of the next answer, None for the end."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        parser.send(h11.EndOfMessage())
        if self._rest:
            parser.receive_data(self._rest)
        status, body = None, b""
        while not isinstance(event := parser.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                data = await self.local.receive_some(65536)
                if not data and status is None:
                    return None
                parser.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
        self._rest = parser.trailing_data[0]
        return status, body

    async def is_over(self):
        """Whether nothing more comes."""
        return not self._rest and await self.local.receive_some() == b""


def get(target=b"/", fields=MINE):
    return b"GET " + target + b" HTTP/1.1\r\n" + fields + b"\r\n"


async def test_requests_and_answers_pass_as_they_are(forwarded):
    """One connection, and all the ways in which a body is told."""
    site = Site()
    async with forwarded(site) as client:
        await client.ask(get(b"/large"))
        assert await client.answer() == (200, LARGE)
        await client.ask(get(b"/chunked"))
        assert await client.answer() == (200, LARGE)
        await client.ask(b"HEAD /large HTTP/1.1\r\n" + MINE + b"\r\n")
        assert await client.answer("HEAD") == (200, b"")
        length = b"Content-Length: %d\r\n\r\n" % len(LARGE)
        await client.ask(b"POST /sized HTTP/1.1\r\n" + MINE + length, LARGE)
        assert await client.answer() == (200, b"hello")
        chunks = [b"5;x=y\r\nhello\r\n", b"A\r\n0123456789\r\n", b"0\r\nTrailer: x\r\n\r\n"]
        await client.ask(b"PUT / HTTP/1.1\r\n" + MINE + b"Transfer-Encoding: chunked\r\n\r\n")
        await client.ask(*chunks)
        assert await client.answer() == (200, b"hello")
        await client.ask(b"PUT / HTTP/1.1\r\n" + MINE + b"Expect: 100-continue\r\n")
        await client.ask(b"Content-Length: 3\r\n\r\n", b"abc")
        assert await client.answer() == (200, b"hello")
    assert [body for _, _, body in site.seen] == [b"", b"", b"", LARGE, b"hello0123456789", b"abc"]


@pytest.mark.parametrize(
    "refused",
    [
        get(fields=EVIL),
        get(fields=MINE + b"Origin: http://evil.example\r\n"),
        get(fields=MINE + b"Origin: null\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"),
        get(fields=MINE + b"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"),
    ],
    ids=["rebinding", "foreign page", "websocket", "embedded"],
)
@pytest.mark.parametrize("before", [0, 1, 3], ids=["at once", "later", "after several"])
async def test_every_head_is_looked_at(forwarded, refused, before):
    """On a kept connection as on a new one; those that were answered before are not harmed."""
    site, said = Site(), []
    async with forwarded(site, said=said) as client:
        await client.ask(get() * before + refused)
        for _ in range(before):
            assert await client.answer() == (200, b"hello")
        status, text = await client.answer()
        assert status == 403
        assert b"--allow" in text or b"Pages of other sites" in text
        assert await client.is_over()
    assert len(site.seen) == before
    assert len(said) == 1


async def test_a_refusal_waits_for_the_answers_before_it(forwarded):
    site = Site()
    async with forwarded(site) as client:
        await client.ask(get(b"/large") + get(b"/chunked") + get(fields=EVIL))
        assert await client.answer() == (200, LARGE)
        assert await client.answer() == (200, LARGE)
        assert (await client.answer())[0] == 403


@pytest.mark.parametrize(
    "hidden",
    [
        b"POST / HTTP/1.1\r\n" + MINE + b"Content-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\n" + MINE + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + MINE + b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + MINE + b"\r\n\r\n\r\n",
    ],
    ids=["after a sized body", "after chunks", "after an upgrade that was not", "after lines"],
)
async def test_what_comes_after_is_a_request_again(forwarded, hidden):
    site = Site()
    async with forwarded(site) as client:
        await client.ask(hidden + get(fields=EVIL))
        assert await client.answer() == (200, b"hello")
        assert (await client.answer())[0] == 403
    assert len(site.seen) == 1


async def test_a_head_that_comes_byte_by_byte(forwarded):
    async with forwarded(Site()) as client:
        await client.ask(*(bytes([byte]) for byte in get()))
        assert await client.answer() == (200, b"hello")
        await client.ask(*(bytes([byte]) for byte in get(fields=EVIL)))
        assert (await client.answer())[0] == 403


async def test_after_an_upgrade_bytes_pass_as_they_are(forwarded):
    site = Site()
    async with forwarded(site) as client:
        fields = MINE + b"Upgrade: x\r\nConnection: upgrade\r\n"
        await client.ask(get(b"/switch", fields))
        head = await client.local.receive_some()
        assert head.startswith(b"HTTP/1.1 101 ")
        for data in (get(fields=EVIL), b"\0\xff", LARGE):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.ask, data)
                back = b""
                while len(back) < len(data):
                    back += await client.local.receive_some()
            assert back == data


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n" + MINE + b"Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
        (b"GET / HTTP/1.1\r\n" + MINE + b"Transfer-Encoding: chunked\r\n\r\nxyz", 400),
        (b"GET / HTTP/1.1\r\n" + MINE + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000, 431),
        (b"GET http://localhost/ HTTP/1.1\r\n" + MINE, 400),
        (b"CONNECT localhost:80 HTTP/1.1\r\n" + MINE, 405),
        (b"PRI * HTTP/2.0\r\n\r\nSM", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request(forwarded, data, status):
    """Where two readers might see two requests, there is none."""
    async with forwarded(Site()) as client:
        await client.ask(get() + data + b"\r\n\r\n")
        assert await client.answer() == (200, b"hello")
        assert (await client.answer())[0] == status


async def test_a_token_comes_on_top(forwarded):
    site = Site()
    rules = RequestRules(token="se-cret", cookie="atoll-1")
    async with forwarded(site, rules=rules) as client:
        await client.ask(get(fields=MINE + b"Cookie: atoll-1=se-cret\r\n"))
        assert await client.answer() == (200, b"hello")
        await client.ask(get(b"/?token=se-cret"))
        assert (await client.answer())[0] == 303
    async with forwarded(site, rules=rules) as client:
        await client.ask(get())
        assert (await client.answer())[0] == 401
    assert len(site.seen) == 1


async def echo(stream):
    async for data in stream:
        await stream.send_all(data)


@pytest.mark.parametrize(
    "data",
    [
        b"d",
        b"GET",
        b"get key\r\n",
        b"PING\r\n",
        b"SSH-2.0-x\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\x08\x04\xd2\x16/",
        b"GET / HTTP/1.1\r\n\r\n",
        LARGE,
    ],
    ids=range(9),
)
async def test_what_a_port_of_the_user_s_own_speaks(forwarded, data):
    """What is no web request, or none of a browser's, passes at once and as it is."""
    async with forwarded(echo, sniff=True) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.ask, data)
        back = b""
        while len(back) < len(data):
            back += await client.local.receive_some()
        assert back == data


async def test_a_service_that_speaks_first(forwarded):
    async def greet(stream):
        await stream.send_all(b"220 hello\r\n")
        assert await stream.receive_some() == b"EHLO me\r\n"
        await stream.send_all(b"250 ok\r\n")

    async with forwarded(greet, sniff=True) as client:
        assert await client.local.receive_some() == b"220 hello\r\n"
        await client.ask(b"EHLO me\r\n")
        assert await client.local.receive_some() == b"250 ok\r\n"


@pytest.mark.parametrize(
    "first",
    [
        get(fields=EVIL),
        b"WHATEVER / HTTP/1.1\r\n" + EVIL + b"\r\n",
        b"GET / HTTP/1.1\r\nX: y\r\n",
        b"POST /" + b"x" * 100,
        b"POST / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\n",
        b"WHATEVER /" + b"x" * 2000,
    ],
    ids=range(6),
)
async def test_a_web_request_at_a_port_of_the_user_s_own(forwarded, first):
    assert looks_like_http(first[: 256 * 1024])
    site = Site()
    async with forwarded(site, sniff=True) as client:
        rest = b"" if b"\r\n\r\n" in first else b" HTTP/1.1\r\n"
        rest = b"" if b"HTTP/1.1" in first else rest
        with suppress(trio.BrokenResourceError):
            await client.ask(first, rest + EVIL + b"\r\n")
        assert (await client.answer())[0] in {403, 431}
    assert site.seen == []


async def test_a_hundred_connections_at_once(forwarded, make_manager, target):
    site, count = Site(), 100
    async with forwarded(site) as client:
        port = client.local.socket.getpeername()[1]

        async def visit():
            async with await trio.open_tcp_stream("127.0.0.1", port) as local:
                other = Client(local)
                for _ in range(3):
                    await other.ask(get())
                    assert await other.answer() == (200, b"hello")

        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(partial(visit))
    assert len(site.seen) == 3 * count
