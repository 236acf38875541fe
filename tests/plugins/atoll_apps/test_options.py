"""What the options of `app` mean: addresses, arguments, variables."""

import pytest

from atoll import NotFound, UsageError
from atoll_apps.app import parse_binds
from atoll_apps.arguments import parse_arguments, parse_environment
from atoll_apps.ports.listeners import Bind
from atoll_apps.services import Service, Services


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("9900", "127.0.0.1", 9900, "127.0.0.1"),
        ("0", "127.0.0.1", 0, "127.0.0.1"),
        ("localhost:80", "localhost", 80, "localhost"),
        (":8080", "127.0.0.1", 8080, "127.0.0.1"),
        ("[::1]:8080", "::1", 8080, "[::1]"),
        ("0.0.0.0:65535", "0.0.0.0", 65535, "127.0.0.1"),  # noqa: S104  # only read here
    ],
)
def test_addresses(text, host, port, shown):
    bind = Bind.parse(text)
    assert (bind.host, bind.port, bind.shown_host) == (host, port, shown)


@pytest.mark.parametrize("text", ["", "x", "host:", "65536", "-1", "::1:80", "a:b:1", "9900x"])
def test_what_is_no_address(text):
    with pytest.raises(UsageError, match="not of the form"):
        Bind.parse(text)


def test_each_app_gets_an_address():
    assert parse_binds([], 2) == [None, None]
    assert parse_binds(["9900"], 3) == [Bind(port=9900), Bind(port=9901), Bind(port=9902)]
    assert parse_binds(["0"], 2) == [Bind(), Bind()]
    with pytest.raises(UsageError, match="no port after 65535"):
        parse_binds(["65535"], 2)


@pytest.mark.parametrize(
    ("texts", "arguments"),
    [
        (["--flag"], {"--flag": None}),
        (["--port 80"], {"--port": "80"}),
        (["--port=80"], {"--port": "80"}),
        (["--path 'a b'", "-v"], {"--path": "a b", "-v": None}),
        (["--names a b"], {"--names": ["a", "b"]}),
        (["--equals=a=b"], {"--equals": "a=b"}),
    ],
)
def test_arguments(texts, arguments):
    assert parse_arguments(texts) == arguments


@pytest.mark.parametrize("text", ["", "'", "  "])
def test_what_is_no_argument(text):
    with pytest.raises(UsageError, match="--arg"):
        parse_arguments([text])


def test_variables():
    assert parse_environment(["A=b=c", "EMPTY="]) == {"A": "b=c", "EMPTY": ""}
    for text in ("A", "=b"):
        with pytest.raises(UsageError, match="not of the form KEY=VALUE"):
            parse_environment([text])


@pytest.mark.parametrize(
    ("template", "url"),
    [
        (None, "http://127.0.0.1:99"),
        ("{protocol}://{host}:{port}/lab", "http://127.0.0.1:99/lab"),
        ("{nobody} told", "http://127.0.0.1:99"),
        ("{", "http://127.0.0.1:99"),
    ],
)
def test_where_a_service_is(template, url):
    service = Service(name="web", protocol="http", url_template=template)
    assert service.url("127.0.0.1", 99) == url


@pytest.mark.parametrize(
    ("name", "problem", "advice"),
    [
        ("ttyd", "session s has no ttyd", "install it"),
        ("other", "session s has no service 'other'", "it has web, db"),
    ],
)
def test_services_that_are_not_there(name, problem, advice):
    services = Services(
        [Service(name="web", ports=[80]), Service(name="db", ports=[54])], {"ttyd": "install it"}
    )
    assert services.pick("54", "s").name == services.pick("db", "s").name == "db"
    with pytest.raises(NotFound) as caught:
        services.pick(name, "s")
    assert str(caught.value) == f"{problem} ({advice})"
