"""Kernels on other machines: on an old Python, without a port, closed to who has not their key."""

import json
import ssl
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSStream
from tests.contrib.atoll_cluster.engines.test_documented import documented

from atoll_cluster.engine import node_sandbox
from atoll_cluster.engine.contract import EngineError, KernelGone
from atoll_cluster.engine.images import Catalog
from atoll_cluster.engine.kernels import open_engine
from atoll_cluster.engine.launcher import Site
from atoll_cluster.engine.relay.tls import context
from atoll_cluster.engine.remote import read_fresh, write_key
from atoll_cluster.engine.sandbox import probe
from atoll_cluster.engines import Arrival, receive_arrivals
from atoll_cluster.testing.talk import KernelTalk

pytestmark = pytest.mark.anyio

PYTHON = "job.command(sys.executable,"
WAY = 'connect_over_tcp(self.site.folder(kernel_id), name, "127.0.0.1")'
BY_A_PROGRAM = """connect_through(
            ["env", "-C", str(self.site.folder(kernel_id) / "run"), *relay_command({python!r})],
            name,
        )"""
IMPORTED = "    connect_over_tcp, connect_through, relay_command,"
CAPACITY = "    def capacity(self)"
SHOWN = f"    def shown(self):\n        return {{}}\n\n{CAPACITY}"
HERE = Path(__file__).parent
DEADLINE = 60
ASK = b"supervisor.sock\n"
TALK = KernelTalk()


@pytest.fixture
def oldest(tmp_path):
    """Return the oldest Python that nodes may have."""
    pythons = [one for one in Catalog.discover(tmp_path).images if one.language == "python"]
    found = next((one.argv[0] for one in pythons if one.version.split(".")[:2] == ["3", "9"]), None)
    return found or pytest.skip("no Python 3.9 is installed here")


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """Open the engine of the documentation, with some words of it replaced."""

    @asynccontextmanager
    async def opened(**others):
        text = documented("atoll_pool.py").replace("    connect_over_tcp,", IMPORTED)
        for words, new in others.values():
            assert words in text
            text = text.replace(words, new)
        (tmp_path / "atoll_pool.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        import atoll_pool

        (tmp_path / "kernels").mkdir()
        async with open_engine(atoll_pool.launcher, Site(root=tmp_path / "kernels")) as engine:
            yield engine
            for kernel_id in engine.found():
                await engine.discard(kernel_id)

    yield opened
    sys.modules.pop("atoll_pool", None)


@pytest.mark.parametrize("way", ["over TCP", "by a program"])
async def test_nodes_may_have_an_old_python(pooled, oldest, way):
    others = {"python": (PYTHON, f"job.command({oldest!r},")}
    if way == "by a program":
        others["way"] = (WAY, BY_A_PROGRAM.format(python=oldest))
    async with pooled(**others) as engine:
        kernel = await TALK.started(engine)
        assert await TALK.query(kernel, "print('x' * 3_000_000)") == "x" * 3_000_000 + "\n"
        connection = await kernel.connect("sshd")
        try:
            with anyio.fail_after(DEADLINE):
                await anyio.wait_readable(connection.sock)
            assert connection.sock.recv(100).startswith(b"SSH-2.0")
        finally:
            connection.close()
        usage = (await engine.measure(["k1"]))["k1"]
        assert usage.memory > 0
        with anyio.fail_after(DEADLINE):
            assert (await kernel.stop()).reason == "user-requested"
        assert b"xxx" in await TALK.log(engine)


async def test_a_kernel_tells_that_it_listens(pooled, tmp_path, monkeypatch):
    monkeypatch.setenv("POOL_NODE", "n1")
    heard, has_heard = [], anyio.Event()

    def hear(arrival):
        heard.append(arrival)
        has_heard.set()

    async with receive_arrivals(Site(root=tmp_path / "kernels"), hear) as address:
        told = f'{PYTHON} report_to="127.0.0.1:{address.rpartition(":")[2]}", node="POOL_NODE",'
        async with pooled(python=(PYTHON, told)) as engine:
            await TALK.started(engine)
            with anyio.fail_after(DEADLINE):
                await has_heard.wait()
            written = read_fresh(engine.root / "k1" / "run" / "relay.json")
            assert heard == [Arrival("k1", written["host"], written["port"], "n1")]


@pytest.mark.parametrize("shown", [[], [str(HERE)]])
async def test_a_sandbox_shows_what_the_launcher_names_and_can_be_written_at_home(pooled, shown):
    async with pooled(sandbox=(CAPACITY, SHOWN.format(shown))) as engine:
        kernel = await TALK.started(engine)
        is_seen = await TALK.query(kernel, f"import os; print(os.path.exists({__file__!r}))")
        assert is_seen == f"{bool(shown) or probe().bwrap is None}\n"
        assert await TALK.query(kernel, "open('f', 'w').write('x'); print(os.getcwd())") == (
            f"{kernel.home}\n"
        )
        with anyio.fail_after(DEADLINE):
            assert (await kernel.stop()).reason == "user-requested"
        assert (kernel.home / "f").read_text() == "x"


async def test_a_machine_without_a_sandbox_is_told_in_the_log(pooled, monkeypatch):
    monkeypatch.setattr(node_sandbox, "sandbox_programs", lambda: ["no-such-program"])
    async with pooled(sandbox=(CAPACITY, SHOWN.format([]))) as engine:
        kernel = await TALK.started(engine)
        assert await TALK.query(kernel, "print(1)") == "1\n"
        assert b"this session has no sandbox, because" in await TALK.log(engine)


@pytest.mark.parametrize("key", ["none", "another kernel's"])
async def test_connections_without_the_key_of_the_kernel_are_refused(pooled, tmp_path, key):
    async with pooled() as engine:
        kernel = await TALK.started(engine)
        run = engine.root / "k1" / "run"
        port = read_fresh(run / "relay.json")["port"]
        write_key(tmp_path / "other.pem", "k1")
        tls = context(str(tmp_path / "other.pem"), ssl.PROTOCOL_TLS_CLIENT)
        if key == "none":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
        assert await answer(port, tls) == b""
        assert await TALK.query(kernel, "print('for its own')") == "for its own\n"


async def test_a_program_at_the_port_of_a_kernel_receives_nothing(pooled, tmp_path):
    """Another user may take the port of a relay that has ended."""
    async with pooled() as engine:
        kernel = await TALK.started(engine)
        write_key(tmp_path / "other.pem", "k1")
        heard, has_heard = [], anyio.Event()

        async def listen(stream):
            tls = context(str(tmp_path / "other.pem"), ssl.PROTOCOL_TLS_SERVER)
            tls.verify_mode = ssl.CERT_NONE
            async with stream:
                try:
                    served = await TLSStream.wrap(stream, server_side=True, ssl_context=tls)
                    heard.append(await served.receive())
                except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
                    heard.append(b"")
            has_heard.set()

        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, listen)
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no query of Django's
            told = json.dumps({"host": "here", "port": port})
            (engine.root / "k1" / "run" / "relay.json").write_text(told)
            with pytest.raises(KernelGone), anyio.fail_after(DEADLINE):
                await kernel.execute("query", "'secret'", {})
            with anyio.fail_after(DEADLINE):
                await has_heard.wait()
            tasks.cancel_scope.cancel()
        assert heard == [b""]


async def answer(port, tls):
    """Ask at a port as the cluster does; returns the answer, nothing for none."""
    with anyio.fail_after(DEADLINE):
        stream = await anyio.connect_tcp("127.0.0.1", port)
        try:
            served = await TLSStream.wrap(stream, server_side=False, ssl_context=tls)
            await served.send(ASK)
            return await served.receive()
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
            return b""
        finally:
            await anyio.aclose_forcefully(stream)


async def test_no_kernel_runs_on_that_nobody_can_reach(pooled, monkeypatch):
    """Its key is damaged, so its relay cannot listen."""
    monkeypatch.setattr(
        "atoll_cluster.engine.remote.write_key", lambda path, _kernel_id: path.write_text("")
    )
    async with pooled() as engine:
        with pytest.raises(EngineError):
            await TALK.started(engine)
        with anyio.fail_after(DEADLINE):
            while not (engine.root / "k1" / "run" / "exit.json").exists():  # noqa: ASYNC110 - a program makes it
                await anyio.sleep(0.02)
