"""An endpoint must be taken apart as HTTP libraries do, since its host is signed as it is sent."""

import pytest

from atoll import Profile
from atoll_rest.address import address


@pytest.mark.parametrize(
    ("endpoint", "netloc", "host", "port"),
    [
        ("https://API.Example.com", "api.example.com", "api.example.com", 443),
        ("http://127.0.0.1:8081/", "127.0.0.1:8081", "127.0.0.1", 8081),
        ("http://[::1]:8081", "[::1]:8081", "::1", 8081),
        ("https://[2001:db8::1]", "[2001:db8::1]", "2001:db8::1", 443),
        ("https://bücher.example", "xn--bcher-kva.example", "xn--bcher-kva.example", 443),
    ],
)
def test_hosts(endpoint, netloc, host, port):
    taken = address(Profile(name="lab", endpoint=endpoint))
    assert (taken.netloc, taken.host, taken.port) == (netloc, host, port)


@pytest.mark.parametrize(
    ("prefix", "query", "expected"),
    [
        ("", (), "/session"),
        ("/", (), "/session"),
        ("/base/", (), "/base/session"),
        ("/base", [("a", "b c"), ("a", "d/e+")], "/base/session?a=b%20c&a=d%2Fe%2B"),
    ],
)
def test_targets(prefix, query, expected):
    taken = address(Profile(name="lab", endpoint=f"https://api.example.com{prefix}"))
    assert taken.target("/session", query) == expected
