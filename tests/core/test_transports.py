"""Which schemes can be endpoints, and whose transport serves them."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import evolve

import atoll_rest
from atoll import Profile, Transport, hookimpl
from atoll._plugins import Origin, PluginError
from atoll._profiles import ProfileStore
from atoll.transport import NotSent, Request
from atoll_rest.transport import connect


class Answer:
    """An answer of success to everything."""

    status = 200
    headers = {}  # noqa: RUF012  # nobody writes into it

    def __init__(self, content):
        self.content = content

    async def read(self, _most=0):
        return json.dumps(self.content).encode()

    async def aclose(self):
        """Do nothing."""


class Carrier:
    """A transport without any wire; it says which plugin it is of."""

    proxy = ""
    origin = "http://localhost"

    def __init__(self, plugin):
        self.plugin = plugin

    async def request(self, request):
        if request.path == "/":
            return Answer({"version": "v7.20230615", "manager": self.plugin})
        return Answer({})

    async def aclose(self):
        """Do nothing."""


def first(_profile, _dialer):
    return Carrier("first")


def second(_profile, _dialer):
    return Carrier("second")


def lead(_via):
    return None


def plugin(*records):
    """Make a plugin that offers these transports."""

    class Plugin:
        @staticmethod
        @hookimpl
        def atoll_transports():
            return [Transport(kind, schemes, f"{__name__}:{load}", **kw)
                    for kind, schemes, load, kw in records]  # fmt: skip

    return Plugin


PIGEON = ("request", ("pigeon", "https"), "first", {})
RAVEN = ("request", ("pigeon", "raven"), "second", {})
LOFT = ("dial", ("loft",), "lead", {})


@pytest.fixture
def served(shell):
    """The shell with two plugins: both serve pigeon://, one of them https://, one raven://."""
    shell.add(plugin(PIGEON, LOFT), "first")
    shell.add(plugin(RAVEN), "second")
    return shell


async def manager_behind(shell, line):
    """Add a profile; returns whose transport serves it, by what it calls its manager."""
    result = await shell.run(f"profile add lab {line}\nprofile test lab\n")
    return result.stderr.partition("Backend.AI manager ")[2].splitlines()[0]


@pytest.mark.parametrize(
    ("line", "manager"),
    [
        ("--endpoint pigeon:///Loft/3", "first"),
        ("--endpoint pigeon://x --transport second", "second"),
        ("--endpoint pigeon://x --transport first", "first"),
        ("--endpoint raven://x", "second"),
        ("--endpoint HTTPS://x.example", "first"),
    ],
)
async def test_a_scheme_is_served_by_the_plugin_that_is_preferred(served, line, manager):
    assert await manager_behind(served, line) == manager


@pytest.mark.parametrize(
    ("line", "environ", "warnings"),
    [
        ("--endpoint pigeon://x", {}, 1),
        ("--endpoint raven://x", {}, 0),
        ("--endpoint pigeon://x --transport second", {}, 0),
        ("--endpoint pigeon://x", {"ATOLL_PLUGINS_PREFER": "second"}, 0),
    ],
)
async def test_a_plugin_that_loses_a_scheme_is_reported_once(served, line, environ, warnings):
    """Unless the user has preferred one of them; and only when the scheme is used."""
    served.environ = environ
    result = await served.run(f"profile list\nprofile add lab {line}\nprofile test lab\n" * 2)
    warning = "plugin 'second' (atoll-second 1.0): pigeon:// is already served by plugin 'first'"
    assert result.stderr.count(warning) == warnings
    if environ:
        assert "Backend.AI manager second" in result.stderr


async def test_built_in_transports_come_first(served):
    """Even before a plugin that is marked to come first."""
    program = served.program()
    origin = Origin("built", "built", "atoll", "0")
    program.registry.register(plugin(RAVEN), origin)
    profile = Profile(name="lab", endpoint="pigeon://x")
    assert program.transports.find("request", profile).origin == origin


async def test_urls_of_other_schemes_are_not_changed(served):
    await served.run("profile add lab --endpoint PIGEON://Host:x/A,B%20c?q=1#f --access-key ''")
    profile = ProfileStore(served.program().paths).load("lab")
    assert profile.endpoint == "pigeon://Host:x/A,B%20c?q=1#f"


SERVED = "(served: https://, pigeon://, raven://)"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--endpoint ftp://x", f"no plugin serves ftp:// endpoints {SERVED}"),
        ("--endpoint http://x", f"no plugin serves http:// endpoints {SERVED}"),
        (
            "--endpoint pigeon://x --via ssh://y",
            "no plugin can connect through ssh:// (served: loft://)",
        ),
        (
            "--endpoint raven://x --transport first",
            "no plugin 'first' is loaded that serves raven:// endpoints (transport may be second)",
        ),
        (
            "--endpoint pigeon://x --transport nope",
            "no plugin 'nope' is loaded that serves pigeon:// endpoints (transport may be first,",
        ),
        (
            "--endpoint pigeon://",
            "'pigeon://' is not a complete URL (such as https://api.example.com)",
        ),
        (
            "--endpoint x.example",
            "'x.example' is not a complete URL (such as https://api.example.com)",
        ),
        ("--endpoint localhost:80", "'localhost:80' is not a complete URL (such as"),
        ("--endpoint 1://x", "'1://x' is not a complete URL (such as"),
    ],
)
async def test_an_unknown_scheme_is_refused_before_it_is_stored(served, line, told):
    result = await served.run(f"profile add lab {line} --access-key AK")
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith(f"atoll: line 1: {told}")
    assert ProfileStore(served.program().paths).names() == []


@pytest.mark.parametrize("line", ["profile test", "doctor"])
async def test_the_environment_is_refused_alike(served, line):
    served.environ = {"BACKEND_ENDPOINT": "ftp://x"}
    result = await served.run(line)
    assert result.code == 2
    assert "no plugin serves ftp:// endpoints" in result.stdout + result.stderr
    assert "pigeon://, raven://" in result.stdout + result.stderr


async def test_a_missing_plugin_is_reported(served):
    """By whichever command needs it; the profile stays."""
    await served.run("profile add lab --endpoint raven://x")
    served._plugins.pop()
    result = await served.run("profile test lab\nprofile list --output csv\n", keep_going=True)
    assert "no plugin serves raven:// endpoints (served: https://, pigeon://)" in result.stderr
    assert "raven://x" in result.stdout


async def test_a_transport_without_channels(served):
    await served.run("profile add lab --endpoint raven://x")
    result = await served.run("doctor --output csv")
    assert "connection,skipped,made by plugin 'second'" in result.stdout
    assert "http,ok" in result.stdout


@pytest.mark.parametrize("kind", ["request", "channel", "dial"])
async def test_asyncio_runs_for_whichever_transport_wants_it(shell, kind):
    """Of a stored profile, or of the environment."""
    records = [(one, ("pigeon",), "first", {"asyncio": one == kind})
               for one in ("request", "channel", "dial")]  # fmt: skip
    shell.add(plugin(*records), "first")
    assert not shell.program().needs_asyncio()
    if kind != "dial":
        shell.environ = {"BACKEND_ENDPOINT": "pigeon://x"}
        assert shell.program().needs_asyncio()
        shell.environ = {}
    await shell.run("profile add lab --endpoint pigeon://x --via pigeon://y")
    assert shell.program().needs_asyncio()


class Opaque:
    """A stream that is no socket."""

    def __init__(self, stream):
        self.send_all = stream.send_all
        self.receive_some = stream.receive_some
        self.aclose = stream.aclose


class SomeDialer:
    """Leads to a port of this machine, and notes what it was asked for."""

    def __init__(self, port, wrapped=lambda stream: stream):
        self.port = port
        self.wrapped = wrapped
        self.asked = []

    async def dial(self, host, port):
        self.asked.append((host, port))
        half = self.wrapped(await trio.open_tcp_stream("127.0.0.1", self.port))
        return trio.StapledStream(half, half)

    async def aclose(self):
        """Do nothing."""


class Host:
    """Knows the keys of the far side, once it answers."""

    failures = 1

    def __init__(self, via):
        self.via = via

    async def complete(self, profile):
        if Host.failures:
            Host.failures -= 1
            raise NotSent("it does not answer")
        return evolve(profile, access_key=self.via)

    async def dial(self, _host, _port):
        raise NotSent("no streams here")


class Stranger(Host):
    async def complete(self, _profile):
        return "a profile"


HOST = [("request", ("http",), "first", {}), ("dial", ("host",), "Host", {})]


async def test_a_dialer_adds_the_keys_of_the_other_machine(shell, monkeypatch):
    """And it is asked again if it does not answer at once."""
    monkeypatch.setattr(Host, "failures", 1)
    shell.add(plugin(*HOST), "first")
    line = "profile add box --host me@box --engine slurm\nprofile test box\n"
    result = await shell.run(line)
    assert result.code == 0
    assert "the keys of host://me@box?engine=slurm are accepted" in result.stderr
    assert Host.failures == 0


async def test_a_dialer_with_an_invalid_profile_is_named(shell):
    shell.add(plugin(HOST[0], ("dial", ("host",), "Stranger", {})), "first")
    result = await shell.run("profile add box --host me@box\nprofile test box\n")
    assert "plugin 'first' (atoll-first 1.0)" in result.stderr
    assert "has returned str, not a Profile" in result.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "no cluster is given (give --endpoint URL, or --host USER@HOST)"),
        ("--engine slurm --endpoint http://x", "--engine is for the cluster of a --host"),
        ("--host me@box --endpoint http://x", "--host and --endpoint exclude each other"),
        ("--host me@box --via ssh://x", "--host and --via exclude each other"),
    ],
)
async def test_a_profile_has_one_cluster(shell, line, told):
    shell.add(plugin(*HOST), "first")
    result = await shell.run(f"profile add box {line}")
    assert result.code == 2
    assert told in result.stderr


@pytest.mark.parametrize(("wrapped", "dialed"), [(Opaque, 2), (lambda stream: stream, 1)])
async def test_http_over_a_dialer_s_streams_is_signed_for_localhost(serve, answer, wrapped, dialed):
    """And no stream is used twice that can't tell whether its other end was closed."""

    async def handler(_seen, stream):
        await stream.send_all(answer())
        return True

    profile = Profile(name="lab", endpoint="pigeon:///loft", access_key="AK", secret_key="SK")
    async with serve(handler) as server:
        dialer = SomeDialer(server.port, wrapped)
        transport = connect(profile, dialer)
        for _ in range(2):
            await (await transport.request(Request(method="GET", path="/x"))).read()
        await transport.aclose()
    assert transport.origin == "http://localhost"
    assert dialer.asked == [("localhost", 80)] * dialed
    assert [seen.target for seen in server.requests] == ["/x", "/x"]
    assert {seen.headers["host"] for seen in server.requests} == {"localhost"}


def test_without_a_dialer_the_endpoint_is_refused():
    from atoll_rest.api import connect as over_http
    from atoll_websocket.api import connect as over_websockets

    for make in (over_http, over_websockets):
        with pytest.raises(ValueError, match="pigeon:///loft cannot be reached without a dialer"):
            make(Profile(name="lab", endpoint="pigeon:///loft"))


class Misbehaving:
    """A transport of any kind that does what its URL says, whatever it is asked for."""

    proxy = ""
    origin = ""

    def __init__(self, url_or_profile, *_dialer):
        self.does = getattr(url_or_profile, "endpoint", url_or_profile).partition("://")[2]

    async def request(self, _request):
        return self.act()

    async def dial(self, _host, _port):
        return self.act()

    @asynccontextmanager
    async def open(self, *_arguments, **_more):
        yield self.act()

    def act(self):
        if self.does == "exit":
            sys.exit(5)
        if self.does == "cancel":
            raise asyncio.CancelledError
        return {"none": None}.get(self.does, self)

    async def aclose(self):
        if self.does == "close":
            sys.exit(5)


@pytest.fixture
def program(shell):
    """A program that has such transports of each kind, and real ones."""
    records = [(kind, ("bad",), "Misbehaving", {}) for kind in ("request", "channel", "dial")]
    shell.add(plugin(*records), "bad")
    shell.add(atoll_rest, "rest")
    return shell.program()


async def use(program, kind, does):
    """Use a transport, and close it."""
    by = {"endpoint": f"bad://{does}"}
    if kind == "dial":
        by = {"endpoint": "http://x.invalid", "via": f"bad://{does}"}
    transport = program.transport(
        "channel" if kind == "channel" else "request", Profile(name="lab", **by)
    )
    if kind == "channel":
        async with transport.open("/x"):
            pass
    elif does != "close":
        await transport.request(Request(method="GET", path="/x"))
    await transport.aclose()


@pytest.mark.parametrize(
    ("kind", "does", "told"),
    [
        ("request", "exit", "its request transport for bad raised SystemExit: 5"),
        ("request", "cancel", "its request transport for bad raised CancelledError"),
        ("request", "none", "its request transport for bad has returned NoneType, not a Response"),
        ("request", "more", "has returned Misbehaving, not a Response"),
        ("dial", "exit", "its dial transport for bad raised SystemExit: 5"),
        ("dial", "none", "has returned NoneType, not a HalfCloseableStream"),
        ("dial", "close", "closing its dial transport for bad raised SystemExit: 5"),
        ("channel", "exit", "its channel transport for bad raised SystemExit: 5"),
        ("channel", "none", "has returned NoneType, not a channel or stream"),
    ],
)
async def test_a_broken_transport_is_named(program, kind, does, told):
    """Not the one that ships with atoll which uses it, nor the command."""
    with pytest.raises(PluginError) as raised:
        await use(program, kind, does)
    assert raised.value.message.startswith("plugin 'bad' (atoll-bad 1.0): ")
    assert told in raised.value.message


async def test_a_broken_transport_costs_the_command_one_line(shell, program):
    result = await shell.run("profile add lab --endpoint bad://exit\nprofile test lab\n")
    assert result.code == 1
    assert result.stderr.splitlines()[1].startswith("atoll: line 2: plugin 'bad'")


@pytest.mark.parametrize("error", [SystemExit(5), KeyError("x"), NotSent("y")])
async def test_errors_of_the_caller_do_not_name_the_transport(program, error):
    transport = program.transport("channel", Profile(name="lab", endpoint="bad://work"))
    with pytest.raises(type(error)) as raised:
        async with transport.open("/x"):
            raise error
    assert raised.value is error


async def test_a_transport_is_cancelled_from_outside(program):
    async def wait(_request):
        await trio.sleep_forever()

    transport = program.transport("request", Profile(name="lab", endpoint="bad://work"))
    transport._made.request = wait
    with trio.move_on_after(0.01) as scope:
        await transport.request(Request(method="GET", path="/x"))
    assert scope.cancelled_caught
