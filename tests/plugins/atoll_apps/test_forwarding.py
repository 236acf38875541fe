"""Local ports that lead into a session: what goes in comes out, whatever happens on the way."""

import contextlib
import gc
import os
import random
import socket
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from atoll import AtollError, NotFound
from atoll_apps.api import Bind, forward
from atoll_websocket.bytestream import WebsocketStream


async def echo(stream):
    async for data in stream:
        await stream.send_all(data)


async def count(stream):
    """Tell how much came, once all of it has."""
    total = 0
    async for data in stream:
        total += len(data)
    await stream.send_all(b"%d bytes" % total)


async def answer_http(stream):
    """Serve one HTTP request."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        some = await stream.receive_some()
        if not some:
            return
        seen += some
    await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")


@asynccontextmanager
async def forwarded(manager, target, *, port=None, say=lambda _text: None):
    """Forward a free port, and give it."""
    async with manager.api(port) as api, trio.open_nursery() as nursery:
        yield await nursery.start(forward, api, target, Bind(), say)
        nursery.cancel_scope.cancel()


async def dial(port):
    return await trio.open_tcp_stream("127.0.0.1", port)


async def read_all(stream):
    data = b""
    with trio.fail_after(60):
        async for some in stream:
            data += some
    return data


async def until(condition):
    """Wait for what nothing else tells of."""
    with trio.fail_after(60):
        while not condition():  # noqa: ASYNC110  # that it is polled is its purpose
            await trio.sleep(0.01)


async def test_bytes_go_in_and_come_out(make_manager, target):
    data = random.randbytes(3_000_000)
    async with (
        make_manager(echo=echo) as manager,
        forwarded(manager, target("echo")) as port,
        await dial(port) as local,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(local.send_all, data)
        received = b""
        while len(received) < len(data):
            received += await local.receive_some()
    assert received == data


async def test_both_addresses_of_localhost(make_manager, target):
    async with make_manager(echo=echo) as manager, forwarded(manager, target("echo")) as port:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            if family == socket.AF_INET6 and not _has_ipv6():
                continue
            async with await trio.open_tcp_stream(host, port) as local:
                await local.send_all(b"hello")
                assert await local.receive_some() == b"hello"


def _has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_an_answer_after_the_end_of_the_question(make_manager, target):
    """The end of one direction is passed on, and cuts nothing off in the other."""
    async with (
        make_manager(count=count) as manager,
        forwarded(manager, target("count")) as port,
        await dial(port) as local,
    ):
        await local.send_all(bytes(2_000_000))
        await local.send_eof()
        assert await read_all(local) == b"2000000 bytes"


@pytest.mark.parametrize("silent", [False, True])
async def test_the_end_of_a_service_is_an_end_in_order(make_manager, target, silent):
    async def talk(stream):
        await stream.send_all(b"x" * 1_000_000)

    async with (
        make_manager(talk=talk, silent=silent) as manager,
        forwarded(manager, target("talk")) as port,
        await dial(port) as local,
    ):
        assert len(await read_all(local)) == 1_000_000


async def test_no_text_of_ours_gets_into_the_stream(make_manager, target):
    """Where nothing listens, the connection is reset: SSH and databases can tell what that is."""
    said = []
    async with (
        make_manager(nobody=1013) as manager,
        forwarded(manager, target("nobody"), say=said.append) as port,
        await dial(port) as local,
    ):
        with pytest.raises(trio.BrokenResourceError), trio.fail_after(60):
            await local.receive_some()
        await until(lambda: said)
    assert said == ["nobody: no program listens at its port in the session"]


async def test_the_end_of_the_session_ends_the_forwarding(make_manager, target):
    async def visit(port):
        async with await dial(port):
            await trio.sleep_forever()

    async with make_manager(echo=echo) as manager, manager.api() as api:
        failures = []
        with trio.fail_after(60):
            try:
                async with trio.open_nursery() as nursery:
                    port = await nursery.start(forward, api, target("echo"), Bind(), print)
                    manager.services.clear()
                    nursery.start_soon(visit, port)
            except* NotFound as group:
                failures.append(group)
    assert failures


async def test_what_the_service_is_started_with(make_manager, target):
    wanted = target("echo", arguments={"--port": "1", "-v": None}, envs={"A": "b=c"})
    async with make_manager(echo=echo) as manager, forwarded(manager, wanted) as port:
        async with await dial(port) as local:
            await local.send_all(b"hello")
            await local.receive_some()
        [asked] = manager.asked
    assert asked == {
        "app": ["echo"],
        "arguments": ['{"--port": "1", "-v": null}'],
        "envs": ['{"A": "b=c"}'],
    }


async def test_a_port_that_is_taken(make_manager, target):
    async with make_manager(echo=echo) as manager, manager.api() as api:
        bind = Bind(port=manager.port)
        with pytest.raises(AtollError, match=f"127.0.0.1:{manager.port} is in use already"):
            await forward(api, target("echo"), bind, print)


async def test_a_host_that_nobody_knows(make_manager, target):
    async with make_manager(echo=echo) as manager, manager.api() as api:
        with pytest.raises(AtollError, match=r"no address is known for no\.such\.host\.invalid"):
            await forward(api, target("echo"), Bind("no.such.host.invalid", 9), print)


async def test_two_hundred_connections_at_once(make_manager, target):
    """All are open before the first is answered."""
    everyone = trio.Event()
    arrived = 0

    async def meet(stream):
        nonlocal arrived
        name = await stream.receive_some()
        arrived += 1
        if arrived == 200:
            everyone.set()
        await everyone.wait()
        await stream.send_all(b"welcome " + name)

    async def visit(port, number):
        async with await dial(port) as local:
            await local.send_all(b"%d" % number)
            assert await read_all(local) == b"welcome %d" % number

    async with make_manager(meet=meet) as manager, forwarded(manager, target("meet")) as port:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for number in range(200):
                    nursery.start_soon(visit, port, number)


@pytest.mark.parametrize(
    "services",
    [{"app": echo}, {"app": 1013}, {"app": echo, "silent": True}],
    ids=["orderly", "refused", "silent"],
)
async def test_nothing_of_a_connection_waits_for_the_garbage_collector(
    make_manager, target, services
):
    """In a shell it comes seldom, and buffers are large."""

    def alive():
        return [one for one in gc.get_objects() if type(one) is WebsocketStream]

    async with make_manager(**services) as manager, forwarded(manager, target("app")) as port:
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                with contextlib.suppress(trio.BrokenResourceError):
                    async with await dial(port) as local:
                        await local.send_all(b"hello")
                        await local.receive_some()
            await until(lambda: not alive())
        finally:
            gc.enable()


async def test_traffic_leaves_nothing_behind(make_manager, target):
    """Fifty tunnels, again and again: as many descriptors afterwards, and no more memory."""
    data = random.randbytes(100_000)

    async def visit(port):
        async with await dial(port) as local, trio.open_nursery() as nursery:
            nursery.start_soon(local.send_all, data)
            received = 0
            while received < len(data):
                received += len(await local.receive_some())

    async def round_of_visits(port):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(visit, port)
        # The other ends close a little later than ours.
        await until(lambda: _descriptors() <= idle)

    async with make_manager(echo=echo) as manager, forwarded(manager, target("echo")) as port:
        await visit(port)
        await trio.testing.wait_all_tasks_blocked(0.05)
        idle = _descriptors()
        for _ in range(2):
            await round_of_visits(port)
        settled = _resident()
        for _ in range(4):
            await round_of_visits(port)
        assert _resident() < settled + 20_000_000


def _descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a count is all


def _resident():
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # no file of ours
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


RELAY = """
import socket, sys, threading
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    finally:
        for s in (a, b):
            try: s.shutdown(2)
            except OSError: pass
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print(listener.getsockname()[1], flush=True)
while True:
    a, _ = listener.accept()
    b = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    for pair in ((a, b), (b, a)): threading.Thread(target=pump, args=pair, daemon=True).start()
"""


class Between:
    """A relay that stands between client and manager, as a process of its own; it can be cut."""

    def __init__(self, manager_port):
        self._manager_port = manager_port
        self.port = 0

    async def start(self):
        """Start it, at the port that it had before if it had one."""
        command = [sys.executable, "-c", RELAY, str(self.port), str(self._manager_port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: ASYNC220  # returns at once
        line = await trio.to_thread.run_sync(self._process.stdout.readline)
        self.port = int(line)

    def cut(self):
        """Kill it, and all connections with it."""
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def between():
    made = []

    def make(manager):
        made.append(Between(manager.port))
        return made[0]

    yield make
    for one in made:
        one.cut()


async def test_a_cut_way_is_found_again(make_manager, target, between):
    """Requests flow while the way is cut at some moment; those that come later are answered."""
    said, answers = [], []

    async def ask(port):
        try:
            async with await dial(port) as local:
                await local.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                answers.append((await read_all(local))[-5:])
        except trio.BrokenResourceError:
            answers.append(b"reset")

    async def keep_asking(port):
        while True:
            await ask(port)

    async with make_manager(web=answer_http) as manager:
        relay = between(manager)
        await relay.start()
        async with (
            forwarded(manager, target("web"), port=relay.port, say=said.append) as port,
            trio.open_nursery() as nursery,
        ):
            await ask(port)
            for _ in range(5):
                nursery.start_soon(keep_asking, port)
            await trio.sleep(random.uniform(0.1, 0.5))
            relay.cut()
            await until(lambda: said)
            held_up = len(answers)
            await relay.start()
            await until(lambda: len(answers) >= held_up + 100)
            nursery.cancel_scope.cancel()
    assert answers[0] == b"hello"
    assert set(answers[held_up + 10 :]) == {b"hello"}
    assert "trying again" in said[0]
    assert "connected again" in said[-1]


async def test_a_frozen_manager_costs_the_connections_that_come_meanwhile(make_manager, target):
    """Each is refused at once, and told; the port stays."""
    said = []
    async with (
        make_manager(web=answer_http) as manager,
        forwarded(manager, target("web"), say=said.append) as port,
    ):
        manager.frozen = True
        async with await dial(port) as local:
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(60):
                await local.receive_some()
        assert (manager.refused, len(said)) == (1, 1)
        assert "Frozen" in said[0]
        manager.frozen = False
        async with await dial(port) as local:
            await local.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_all(local)).endswith(b"hello")


async def test_a_connection_that_is_lost_to_a_frozen_manager_is_given_up(
    make_manager, target, between
):
    """After the connection broke: the list of services is asked for once."""
    said = []

    async def talk(stream):
        await stream.send_all(b"hello")
        await trio.sleep_forever()

    async with make_manager(talk=talk) as manager:
        relay = between(manager)
        await relay.start()
        async with (
            forwarded(manager, target("talk"), port=relay.port, say=said.append) as port,
            await dial(port) as local,
        ):
            assert await local.receive_some() == b"hello"
            manager.frozen = True
            relay.cut()
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(60):
                await local.receive_some()
            await until(lambda: said)
            await relay.start()
            await until(lambda: "Frozen" in said[-1])
    assert manager.refused == 1


async def test_a_cluster_that_answers_but_opens_no_tunnel_is_told(make_manager, target):
    """It is asked less and less often, until it does."""
    said = []
    async with (
        make_manager(web=answer_http) as manager,
        forwarded(manager, target("web"), say=said.append) as port,
    ):
        manager.put_off = 3
        began = trio.current_time()
        async with await dial(port) as local:
            await local.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await read_all(local)).endswith(b"hello")
    assert trio.current_time() - began > 1  # 0.2, 0.4 and 0.8 s, each a fifth more or less
    assert [text.endswith("; trying again") for text in said] == [True]


async def test_a_connection_that_is_cut_is_reset(make_manager, target, between):
    """Rather than ended: nobody shall take half of something for all of it."""

    async def talk(stream):
        await stream.send_all(b"half of it")
        await trio.sleep_forever()

    async with make_manager(talk=talk) as manager:
        relay = between(manager)
        await relay.start()
        async with (
            forwarded(manager, target("talk"), port=relay.port) as port,
            await dial(port) as local,
        ):
            assert await local.receive_some() == b"half of it"
            relay.cut()
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(60):
                assert await local.receive_some() != b""
            await relay.start()


async def test_who_comes_while_the_way_is_cut_waits(make_manager, target, between):
    said = []
    async with make_manager(web=answer_http) as manager:
        relay = between(manager)
        await relay.start()
        relay.cut()
        async with (
            forwarded(manager, target("web"), port=relay.port, say=said.append) as port,
            await dial(port) as local,
        ):
            await local.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await until(lambda: said)
            await relay.start()
            assert (await read_all(local)).endswith(b"hello")
