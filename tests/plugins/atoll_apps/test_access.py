"""Who gets through a port: processes of this user and of root. Accounts and sockets are real."""

import os
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio

from atoll import AtollError, UsageError
from atoll_apps.access_options import AccessOptions
from atoll_apps.api import forward
from atoll_apps.ports import peers
from atoll_apps.ports.closing import close_in_order
from atoll_apps.ports.connection_filter import ConnectionFilter, LimitedWarnings
from atoll_apps.ports.listeners import Bind, check_share, listening
from atoll_apps.ports.serving import serve
from atoll_apps.services import Service

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several accounts")

ROOT, ME, OTHER = 0, 54321, 54322
CLIENT = """
import os, socket, sys
family, host, port, uid = sys.argv[1:]
os.setgroups([])
os.setgid(int(uid))
os.setuid(int(uid))
s = socket.socket(int(family))
try:
    s.connect((host, int(port)) if port else host)
    s.sendall(b"hello")
    s.shutdown(socket.SHUT_WR)
    print(s.recv(100).decode(), flush=True)
except OSError as error:
    print(type(error).__name__, flush=True)
"""


def start_client(uid, host, port="", family=socket.AF_INET):
    """Start a program of an account that says hello, and prints what it gets for that."""
    command = [sys.executable, "-c", CLIENT, str(int(family)), host, str(port), str(uid)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def ask(uid, host, port="", family=socket.AF_INET):
    """Return what a program of an account gets."""
    with start_client(uid, host, port, family) as process:
        told = await trio.to_thread.run_sync(process.stdout.read)
    return told.strip()


async def echo(stream):
    async for data in stream:
        await stream.send_all(data)


@contextmanager
def account(uid):
    """Be another account meanwhile."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(ROOT)


@needs_root
@pytest.mark.parametrize("table", [False, True], ids=["netlink", "proc"])
@pytest.mark.parametrize(
    ("family", "host", "bound"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1"),
    ],
)
@pytest.mark.parametrize("uid", [ROOT, ME, OTHER])
async def test_the_owner_of_a_connection(family, host, bound, uid, table, monkeypatch):
    if table:
        monkeypatch.setattr(peers, "_ask_kernel", _no_netlink)
    [listener] = await trio.open_tcp_listeners(0, host=bound)
    async with listener:
        with start_client(uid, host, listener.socket.getsockname()[1], family):
            async with await listener.accept() as stream:
                assert await peers.owner_of_peer(stream.socket) == uid
                for me in (ROOT, ME):
                    told = []
                    with account(me):
                        let_in = await ConnectionFilter(
                            "app", LimitedWarnings(told.append)
                        ).accepts(stream)
                    assert let_in == (uid in {me, ROOT})
                    assert len(told) == (not let_in)


def _no_netlink(*_arguments):
    raise OSError("there is no netlink")


async def test_a_connection_that_has_gone():
    """Nobody owns it any more: it is not let in, since a socket without an owner seems root's."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        here = listener.socket.getsockname()
        with socket.create_connection(here) as peer:
            stream = await listener.accept()
            there = peer.getsockname()
        await close_in_order(stream)  # now both sides have ended it
        assert peers._ask_kernel(socket.AF_INET, there, here) is None
        assert await peers.owner_of_peer(stream.socket) is None
        # Whoever only looked whether the port is open is no matter.
        assert not await ConnectionFilter("app", LimitedWarnings(pytest.fail)).accepts(stream)
        await stream.aclose()


@pytest.fixture
def forwarded(make_manager, target):
    """Return the context manager that forwards a service; gives the port and what is said."""

    @asynccontextmanager
    async def running():
        said = []
        async with (
            make_manager(echo=echo) as manager,
            manager.api() as api,
            trio.open_nursery() as nursery,
        ):
            with trio.fail_after(60):
                yield await nursery.start(forward, api, target("echo"), Bind(), said.append), said
            nursery.cancel_scope.cancel()

    return running


@needs_root
async def test_another_account_is_refused_and_told_once(forwarded):
    async with forwarded() as (port, said):
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            for _ in range(2):
                assert await ask(OTHER, host, port, family) == "ConnectionResetError"
        assert await ask(ROOT, "127.0.0.1", port) == "hello"
    refused = f"echo: a connection of another account, with user id {OTHER}, was refused"
    assert said == [f"{refused}; --share lets others in"]


@needs_root
async def test_many_who_are_refused_are_not_all_told():
    said = []
    warnings = LimitedWarnings(said.append)
    for number in range(10_000):
        warnings.warn(f"number {number}")
    assert len(said) == 100


@pytest.fixture
def open_folder():
    """A folder that every account can enter."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@needs_root
@pytest.mark.parametrize("share", [False, True])
async def test_a_socket_in_a_file(share, open_folder):
    """It is its user's alone, and goes at the end; one that was left behind is no matter."""
    path = open_folder / "sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    said = []
    connection_filter = ConnectionFilter("app", LimitedWarnings(said.append), share)
    bind = Bind.parse(f"unix:{path}")
    async with listening(bind, share=share) as (listeners, port), trio.open_nursery() as nursery:
        assert port == 0
        assert stat.S_IMODE(path.stat().st_mode) == (0o666 if share else 0o600)
        nursery.start_soon(serve, listeners, connection_filter, echo)
        assert await ask(ROOT, str(path), family=socket.AF_UNIX) == "hello"
        other = await ask(OTHER, str(path), family=socket.AF_UNIX)
        assert other == ("hello" if share else "PermissionError")
        with pytest.raises(AtollError, match=r"unix:.*sock is in use already"):
            async with listening(bind):
                pass
        nursery.cancel_scope.cancel()
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("mine"), "is in use already"),
        (lambda path: path.mkdir(), "is in use already"),
    ],
)
async def test_what_is_in_the_way_of_a_socket_stays(make, told, tmp_path):
    make(tmp_path / "sock")
    with pytest.raises(AtollError, match=told):
        async with listening(Bind(path=tmp_path / "sock")):
            pass
    assert (tmp_path / "sock").exists()


@pytest.mark.parametrize(
    ("name", "told"), [("x" * 200, "too long"), ("no/such/folder", "no such file or directory")]
)
async def test_where_no_socket_can_be(name, told, tmp_path):
    with pytest.raises(AtollError, match=f"can't listen at unix:.*{told}"):
        async with listening(Bind(path=tmp_path / name)):
            pass


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "lab.example.com:80"])
def test_where_others_reach(text):
    bind = Bind.parse(text)
    with pytest.raises(UsageError, match=r"other machines reach .* \(--share lets them in\)"):
        check_share(bind, share=False)
    check_share(bind, share=True)


@pytest.mark.parametrize("text", ["80", "localhost:80", "[::1]:80", "127.0.0.3:80", "unix:x"])
def test_where_others_do_not_reach(text):
    check_share(Bind.parse(text), share=False)


async def test_a_connection_that_fails_costs_itself_alone():
    said = []

    async def fail(stream):
        if await stream.receive_some() == b"fail":
            raise RuntimeError("of its own")
        await stream.send_all(b"fine")

    connection_filter = ConnectionFilter("app", LimitedWarnings(said.append))
    async with listening(Bind()) as (listeners, port), trio.open_nursery() as nursery:
        nursery.start_soon(serve, listeners, connection_filter, fail)
        for data in (b"fail", b"work"):
            async with await trio.open_tcp_stream("127.0.0.1", port) as local:
                await local.send_all(data)
                if data == b"work":
                    assert await local.receive_some() == b"fine"
                else:
                    with pytest.raises(trio.BrokenResourceError):
                        await local.receive_some()
        nursery.cancel_scope.cancel()
    assert said == ["app: a connection failed: RuntimeError('of its own')"]


def test_how_services_are_looked_at():
    """Web services, and ports of which nobody knows; a token needs the former."""
    at, connection_filter = Bind(port=9900), ConnectionFilter("app", LimitedWarnings(print))

    def web(protocol, **options):
        access = AccessOptions(say=print, hosts=["lab.example.com"], origins=[], **options)
        service = Service(name="app", protocol=protocol)
        access.check([service])
        return access.request_filter(service, at, connection_filter)

    assert web("tcp", protocol_given=True) is None
    assert [web(kind).sniff for kind in ("http", "preopen", "tcp")] == [False, True, True]
    assert web("http").rules.hosts == {"lab.example.com", "127.0.0.1"}
    assert len({web("http", token=True).rules.token for _ in range(3)}) == 3
    for kind in ("tcp", "preopen"):
        with pytest.raises(UsageError, match="--token works only for web services"):
            web(kind, token=True)
