"""The embedded cluster by the transports of third parties: a unix socket, and a command."""

import re
import shlex
import sys
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

pytestmark = pytest.mark.slow
RELAY = Path(__file__).with_name("relay.py")


@pytest.fixture(scope="module")
def atoll(make_atoll):
    """The program with both plugins, and a cluster that runs."""
    atoll = make_atoll("unix_socket", "exec_dialer")
    assert atoll.run("local", "up").returncode == 0
    return atoll


@pytest.fixture(scope="module")
def cluster(atoll):
    """Where the cluster is, and its keys."""
    told = atoll.run("local", "env").stdout
    return dict(re.findall(r"export BACKEND_(\w+)=(\S+)", told))


@pytest.fixture
async def socket_path(cluster, nursery, tmp_path):
    """A unix socket whose connections lead to the cluster."""
    port = urlsplit(cluster["ENDPOINT"]).port
    path = tmp_path / "Cluster.sock"
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(str(path))
    listener.listen()
    forward = partial(forward_to, port)
    await nursery.start(trio.serve_listeners, forward, [trio.SocketListener(listener)])
    return path


async def forward_to(port, local):
    """Pass bytes both ways until both ends have come."""
    remote = await trio.open_tcp_stream("127.0.0.1", port)
    async with local, remote, trio.open_nursery() as nursery:
        nursery.start_soon(pump, local, remote)
        nursery.start_soon(pump, remote, local)


async def pump(source, sink):
    try:
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


async def run(atoll, *arguments, code=0):
    """Run a line; returns its output, all of it, having checked the exit code."""
    result = await trio.to_thread.run_sync(partial(atoll.run, *arguments))
    assert result.returncode == code, result.stderr
    return result.stdout + result.stderr


async def add_profile(atoll, cluster, name, endpoint, *more):
    keys = ["--access-key", cluster["ACCESS_KEY"], "--secret-key", cluster["SECRET_KEY"]]
    await run(atoll, "profile", "add", name, "--endpoint", endpoint, *keys, *more)


async def use_everything(atoll, name, tmp_path):
    """Requests, channels, files by their tokens, a tunnel: all by one profile."""
    by = partial(run, atoll, "--profile", name)
    assert "are accepted" in await run(atoll, "profile", "test", name)
    assert await by("run", "-q", "--rm", "-c", "print(6 * 7)", "python") == "42\n"

    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(bytes(range(256)) * 5000)
    received.mkdir()
    await by("vfolder", "create", f"data-{name}")
    await by("vfolder", "upload", "-b", str(tmp_path), f"data-{name}", str(sent))
    await by("vfolder", "download", "-b", str(received), f"data-{name}", "sent")
    assert (received / "sent").read_bytes() == sent.read_bytes()

    await by("start", "-t", f"s-{name}", "python")
    assert "sshd" in await by("apps", f"s-{name}")
    greeting = await by("connect", f"s-{name}", "sshd")
    assert greeting.startswith("SSH-2.0")
    await by("rm", f"s-{name}")


async def test_a_cluster_behind_a_unix_socket(atoll, cluster, socket_path, tmp_path):
    """Whose path keeps its capitals."""
    await add_profile(atoll, cluster, "box", f"unix://{socket_path}")
    await use_everything(atoll, "box", tmp_path)
    found = await run(atoll, "--profile", "box", "doctor", "--output", "csv")
    assert "connection,skipped,made by plugin 'unix' (atoll-unix-socket 0.1.0)," in found
    assert re.search(r"^websocket,ok,", found, re.MULTILINE)


async def test_the_environment_may_name_it(atoll, cluster, socket_path, monkeypatch):
    names = {**atoll.environ(), "BACKEND_ENDPOINT": f"unix://{socket_path}"}
    names |= {f"BACKEND_{key}": cluster[key] for key in ("ACCESS_KEY", "SECRET_KEY")}
    monkeypatch.setattr(type(atoll), "environ", lambda _self: names)
    assert "Session ID" in await run(atoll, "ps")


async def test_a_missing_socket(atoll, tmp_path):
    endpoint = f"unix://{tmp_path}/gone.sock"
    await run(atoll, "profile", "add", "gone", "--endpoint", endpoint)
    told = await run(atoll, "--profile", "gone", "ps", code=3)
    assert f"can't connect to {endpoint}: no such file or directory" in told
    assert len(told.splitlines()) == 1
    found = await run(atoll, "--profile", "gone", "doctor", code=3)
    assert "no such file" in found


async def test_a_connection_through_a_command(atoll, cluster, tmp_path):
    """To a host that nobody else knows."""
    port = urlsplit(cluster["ENDPOINT"]).port
    command = shlex.join([sys.executable, str(RELAY)]) + " {host} {port}"
    endpoint, via = f"http://cluster.invalid:{port}", f"exec://{command}"
    await add_profile(atoll, cluster, "far", endpoint, "--via", via)
    await use_everything(atoll, "far", tmp_path)
    found = await run(atoll, "--profile", "far", "doctor", "--output", "csv")
    assert "connection,skipped,goes through exec://" in found


@pytest.mark.parametrize(
    ("via", "message", "code"),
    [
        ("exec://", "names no command", 2),
        ("exec://no-such-program-at-all", "no-such-program-at-all can't be run", 2),
        ("exec://false", "connection to http://cluster.invalid was lost", 3),
    ],
)
async def test_a_command_that_leads_nowhere(atoll, via, message, code):
    await run(atoll, "profile", "add", "lost", "--endpoint", "http://cluster.invalid", "--via", via)
    told = await run(atoll, "--profile", "lost", "ps", code=code)
    assert message in told
    assert len(told.splitlines()) == 1
