"""Kernels tell where they listen; only those are believed that have their key."""

import json

import anyio
import pytest

from atoll_cluster.engine.launcher import Job, Site
from atoll_cluster.engine.relay.report import report, signed
from atoll_cluster.engine.remote import write_key
from atoll_cluster.engines import Arrival, receive_arrivals

pytestmark = pytest.mark.anyio
DEADLINE = 60
NEWS = {"kernel_id": "k1", "host": "n1", "port": 4711, "node": "node1"}


@pytest.fixture
def site(tmp_path):
    for kernel_id in ("k1", "k2"):
        run = tmp_path / kernel_id / "run"
        run.mkdir(parents=True)
        write_key(run / "relay.pem", kernel_id)
    return Site(root=tmp_path)


async def test_a_kernel_is_believed_and_what_others_send_is_not(site, monkeypatch):
    heard, has_heard = [], anyio.Event()

    def hear(arrival: Arrival) -> None:
        heard.append(arrival)
        has_heard.set()

    key = (site.folder("k1") / "run/relay.pem").read_bytes()
    other = (site.folder("k2") / "run/relay.pem").read_bytes()
    told = json.dumps(NEWS).encode()
    outside = json.dumps({**NEWS, "kernel_id": "../k1"}).encode()
    async with receive_arrivals(site, hear) as address:
        port = int(address.rpartition(":")[2])
        for line in (
            *(b"\n", b"\xff \xff\n", b"x" * 9000, b" []\n", told + b"\n"),
            signed(told, other),
            signed(told, b""),
            signed(told, key).replace(b"4711", b"4712"),
            signed(outside, key),
            signed(json.dumps({**NEWS, "kernel_id": "k3"}).encode(), key),
            signed(json.dumps({**NEWS, "port": "4711"}).encode(), key),
        ):
            stream = await anyio.connect_tcp("127.0.0.1", port)
            await stream.send(line)
            await stream.aclose()
        monkeypatch.chdir(site.folder("k1") / "run")
        await anyio.to_thread.run_sync(report, f"127.0.0.1:{port}", NEWS)
        with anyio.fail_after(DEADLINE):
            await has_heard.wait()
    assert heard == [Arrival("k1", "n1", 4711, "node1")]


def test_nobody_there_is_no_trouble(site, monkeypatch):
    monkeypatch.chdir(site.folder("k1") / "run")
    for address in ("127.0.0.1:1", "no-such-machine.invalid:1", "nonsense"):
        report(address, NEWS)


def test_only_a_kernel_that_listens_tells(tmp_path):
    job = Job(kernel_id="k1", session_id="s1", name="s", folder=tmp_path)
    told = ["--report-to=login:7", "--node=NODE"]
    assert job.command(listens=True, report_to="login:7", node="NODE")[-2:] == told
    assert job.command(report_to="login:7", node="NODE")[-1] == "launch.json"
