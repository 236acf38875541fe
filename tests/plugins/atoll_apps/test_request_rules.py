"""Which requests get through: by the names they call this machine, and the pages they come from."""

import pytest

from atoll import UsageError
from atoll_apps.http.messages import Malformed, check_request, read_request
from atoll_apps.http.rules import RequestRules, read_host, read_origin

HERE = "127.0.0.1"


def request(*fields, method="GET", target="/", version="1.1"):
    head = "\r\n".join([f"{method} {target} HTTP/{version}", *fields, "", ""])
    return read_request(head.encode("latin-1"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:9900",
        "LOCALHOST:1",
        "localhost.",
        "127.0.0.1:9900",
        "127.0.0.2",
        "[::1]:9900",
        "me.localhost:9900",
        "lab.example.com:80",
        "192.0.2.7:9900",
    ],
)
def test_names_of_this_machine(host):
    rules = RequestRules(frozenset({"lab.example.com"}))
    assert rules.check(request(f"Host: {host}"), "192.0.2.7") is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9900",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "0.0.0.0:9900",
        "192.0.2.8",
        "[::]:9900",
        "evil.example@localhost",
        "localhost@evil.example",
        "localhost:80:80",
        "localhost/x",
        "localhost evil.example",
        "localhost:x",
        "",
    ],
)
def test_names_of_others(host):
    refused = RequestRules().check(request(f"Host: {host}"), HERE)
    assert refused is not None
    assert refused.status == 403


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:9900", "localhost:9900"),
        ("http://LOCALHOST:9900", "localhost:9900"),
        ("http://[::1]:9900", "[::1]:9900"),
        ("http://localhost", "localhost"),
        ("http://localhost", "localhost:80"),
        ("https://localhost", "localhost:443"),
        ("https://pages.example.com", "localhost:9900"),
        ("https://pages.example.com:443", "localhost:9900"),
    ],
)
def test_origins_that_may(origin, host):
    rules = RequestRules(origins=frozenset({read_origin("https://pages.example.com/")}))
    asked = request(f"Host: {host}", f"Origin: {origin}", "Sec-Fetch-Site: cross-site")
    assert rules.check(asked, HERE) is None


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:18681",
        "http://localhost",
        "http://127.0.0.1:9900",
        "http://localhost:9900.evil.example",
        "http://localhost:9900@evil.example",
        "http://localhost:9900/",
        "ftp://localhost:9900",
        "localhost:9900",
        "null",
        "",
        "http://localhost:9900 http://evil.example",
        "http://localhost:9900, http://evil.example",
    ],
)
def test_origins_that_may_not(origin):
    asked = request("Host: localhost:9900", f"Origin: {origin}")
    refused = RequestRules().check(asked, HERE)
    assert refused is not None
    assert refused.status == 403


@pytest.mark.parametrize(
    ("fields", "links", "passes"),
    [
        (["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"], False, True),
        (["Sec-Fetch-Site: same-origin"], False, True),
        (["Sec-Fetch-Site: same-site"], False, False),
        (["Sec-Fetch-Site: cross-site"], False, False),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], False, False),
        (["Sec-Fetch-Site: cross-site"], True, False),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], True, False),
        (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], True, True),
    ],
)
def test_where_a_browser_comes_from(fields, links, passes):
    refused = RequestRules(links=links).check(request("Host: localhost", *fields), HERE)
    assert (refused is None) == passes


def test_a_token_is_shown_once_and_then_its_cookie():
    rules = RequestRules(token="se-cret", cookie="atoll-9900")
    assert rules.with_token("http://127.0.0.1:9900") == "http://127.0.0.1:9900/?token=se-cret"
    unknown = rules.check(request("Host: localhost", target="/?token=other"), HERE)
    assert unknown.status == 401

    shown = request("Host: localhost", target="/lab?a=1&token=se-cret&token=theirs")
    welcome = rules.check(shown, HERE)
    headers = dict(welcome.headers)
    assert (welcome.status, headers["Location"]) == (303, "/lab?a=1&token=theirs")
    cookie = headers["Set-Cookie"].partition(";")[0]
    assert "HttpOnly" in headers["Set-Cookie"]
    assert rules.check(request("Host: localhost", f"Cookie: a=b; {cookie}"), HERE) is None
    assert rules.check(request("Host: localhost", f"Cookie: {cookie}x"), HERE).status == 401


@pytest.mark.parametrize("target", ["//evil.example/?token=t", "/\\evil.example?token=t"])
def test_a_token_leads_to_no_other_host(target):
    welcome = RequestRules(token="t").check(request("Host: localhost", target=target), HERE)
    location = dict(welcome.headers)["Location"]
    assert location.startswith("/evil.example")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
        (
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET @b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET .b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"PRI * HTTP/2.0\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_request(head, status):
    with pytest.raises(Malformed) as caught:
        check_request(read_request(head))
    assert caught.value.status == status


def test_a_field_that_is_there_twice():
    asked = request("Host: localhost", "Origin: http://localhost", "Origin: http://localhost")
    with pytest.raises(Malformed, match="several fields origin"):
        RequestRules().check(asked, HERE)


@pytest.mark.parametrize("text", ["", "*", "null", "evil.example", "http://", "http://a/b"])
def test_what_is_no_origin(text):
    with pytest.raises(UsageError, match="is not an origin"):
        read_origin(text)


@pytest.mark.parametrize("text", ["", "*", "http://a", "a:80", "a/b", "a b"])
def test_what_is_no_host(text):
    with pytest.raises(UsageError, match="is not a host name"):
        read_host(text)
