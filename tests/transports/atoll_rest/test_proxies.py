"""Proxies of the environment: when one is used, and that the signature survives it."""

import pytest
import trio

from atoll import ConfigError, Profile, Unreachable
from atoll.transport import NotSent, Request
from atoll_rest.address import address
from atoll_rest.proxies import proxy_for
from atoll_rest.transport import connect

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        ("https://api.example.com", {}, None),
        ("https://api.example.com", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.example.com", {"https_proxy": PROXY}, PROXY),
        ("https://api.example.com", {"HTTP_PROXY": PROXY}, None),
        ("http://api.example.com", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://api.example.com", {"ALL_PROXY": "proxy.example:3128"}, PROXY),
        ("http://127.0.0.1:8090", {"ALL_PROXY": PROXY}, None),
        ("http://[::1]:8090", {"ALL_PROXY": PROXY}, None),
        ("http://localhost:8090", {"ALL_PROXY": PROXY}, None),
        ("https://api.example.com", {"ALL_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://api.example.com", {"ALL_PROXY": PROXY, "NO_PROXY": "x, example.com"}, None),
        ("https://api.example.com", {"ALL_PROXY": PROXY, "NO_PROXY": ".example.com"}, None),
        ("https://anexample.com", {"ALL_PROXY": PROXY, "NO_PROXY": "example.com"}, PROXY),
        (
            "https://api.example.com:99",
            {"ALL_PROXY": PROXY, "NO_PROXY": "api.example.com:99"},
            None,
        ),
        (
            "https://api.example.com:99",
            {"ALL_PROXY": PROXY, "NO_PROXY": "api.example.com:1"},
            PROXY,
        ),
        ("http://10.1.2.3", {"ALL_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://11.1.2.3", {"ALL_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, PROXY),
        ("http://a.b", {"http_proxy": PROXY, "HTTP_PROXY": "http://other"}, PROXY),
        ("http://a.b", {"http_proxy": "", "ALL_PROXY": PROXY}, None),
        ("http://a.b", {"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, None),
        ("http://a.b", {"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ("https://a.b", {"HTTPS_PROXY": PROXY, "REQUEST_METHOD": "GET"}, PROXY),
        ("https://a.b", {"ALL_PROXY": PROXY, "NO_PROXY": "x y a.b"}, None),
        ("https://a.b", {"ALL_PROXY": PROXY, "NO_PROXY": "A.B."}, None),
        ("https://a.b", {"ALL_PROXY": PROXY, "no_proxy": "", "NO_PROXY": "*"}, PROXY),
        ("https://a.b", {"ALL_PROXY": PROXY, "NO_PROXY": ",, ."}, PROXY),
        ("https://[2001:db8::1]", {"ALL_PROXY": PROXY, "NO_PROXY": "[2001:db8::1]"}, None),
        ("https://a.b", {"ALL_PROXY": "socks5h://h"}, "socks5h://h:1080"),
        ("https://a.b", {"ALL_PROXY": "HTTP://[::2]"}, "http://[::2]:1080"),
    ],
)
def test_which_proxy(endpoint, environ, expected):
    found = proxy_for(address(Profile(name="lab", endpoint=endpoint)), environ)
    assert (found.url if found else None) == expected


UNUSABLE = [
    "foo:bar",
    "http://[::1",
    "ftp://x",
    "socks4://x",
    "socks://x",
    "http://x:99999",
    "http://x:port",
    "http://x:0",
    "http://",
    "://",
    "http://user:word@",
    "http:// x",
    "http://a b",
    "x\ny",
]


@pytest.mark.parametrize("value", UNUSABLE)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_variable_of_no_use_is_named(name, value):
    target = address(Profile(name="lab", endpoint="http://api.example.com"))
    with pytest.raises(ConfigError, match=f"variable {name} ") as caught:
        proxy_for(target, {name: value})
    assert "word" not in str(caught.value)
    assert proxy_for(target, {name: value, "NO_PROXY": "*"}) is None


async def fetch(endpoint, **kw):
    profile = Profile(name="lab", endpoint=endpoint, access_key="AK", secret_key="SK", **kw)
    transport = connect(profile)
    try:
        response = await transport.request(Request(method="GET", path="/x", version="v7.20230615"))
        return await response.read()
    finally:
        await transport.aclose()


async def test_a_proxy_is_asked_for_the_whole_url(serve, answer, monkeypatch):
    async def handler(_seen, stream):
        await stream.send_all(answer(b"from afar"))

    async with serve(handler) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert await fetch("http://cluster.example:8080") == b"from afar"
    [seen] = proxy.requests
    assert seen.target == "http://cluster.example:8080/x"
    assert seen.headers["host"] == "cluster.example:8080"
    assert "authorization" in seen.headers


async def test_a_proxy_that_refuses_the_tunnel(serve, answer, monkeypatch):
    async def handler(_seen, stream):
        await stream.send_all(answer(status=407))

    async with serve(handler) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(
            Unreachable, match=r"the proxy refused the connection to https://cluster\."
        ):
            await fetch("https://cluster.example")
    [seen] = proxy.requests
    assert (seen.method, seen.target) == ("CONNECT", "cluster.example:443")
    assert "authorization" not in seen.headers


async def pump(source, sink):
    async for data in source:
        await sink.send_all(data)


async def test_tls_through_a_tunnel_is_between_atoll_and_the_cluster(
    serve, answer, make_certificate, monkeypatch
):
    async def handler(_seen, stream):
        await stream.send_all(answer(b"from afar"))

    async def tunnel(_seen, stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        onward = await trio.open_tcp_stream("127.0.0.1", cluster.port)
        async with onward, trio.open_nursery() as nursery:
            nursery.start_soon(pump, stream, onward)
            await pump(onward, stream)
            nursery.cancel_scope.cancel()

    tls = make_certificate().server_context()
    async with serve(handler, tls=tls) as cluster, serve(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        assert await fetch("https://cluster.example", verify_tls=False) == b"from afar"
        told = r"the certificate of https://cluster\.example is self-signed"
        with pytest.raises(Unreachable, match=told):
            await fetch("https://cluster.example")


async def test_an_unreachable_proxy_is_named(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:word@no-such-proxy.invalid:3128")
    with pytest.raises(NotSent, match="the proxy http://no-such-proxy") as caught:
        await fetch("https://cluster.example")
    assert "word" not in str(caught.value)
