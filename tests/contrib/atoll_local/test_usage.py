"""What sessions use, and what becomes of those that use too much."""

import json
import time

import pytest

from atoll_local.engine.contract import ExitStatus, Image, KernelSpec, Usage
from atoll_local.scheduler.metering import Metering, amount

MIB = 1024 * 1024
DEADLINE = 15
CONTAINERS = """
query($id: UUID!) { compute_session(id: $id) {
  status status_info status_data containers { status_info status_data live_stat last_stat }
} }
"""
IMAGE = Image(canonical="python:3.11-debian12", language="python", argv=("python",))
SPEC = KernelSpec(kernel_id="k1", session_id="s1", session_name="work", image=IMAGE, memory=1000)


def detail(client, session_id):
    found = client.gql(CONTAINERS, id=session_id)["data"]["compute_session"]
    (container,) = found.pop("containers")
    return found, container


@pytest.mark.anyio
async def test_figures_are_texts_with_rates_and_maxima():
    class Engine:
        async def measure(self, kernel_ids):
            return {"k1": usage.pop(0)} if "k1" in kernel_ids else {}

    times, usage = (
        [100.0],
        [
            Usage(cpu_used=500, memory=400, read=0, written=10),
            Usage(cpu_used=700, memory=300, read=20, written=10, scratch=5),
        ],
    )
    metering = Metering(Engine(), lambda: times[0])
    metering.add(SPEC)
    for moment in (101.0, 103.0):
        times[0] = moment
        await metering.look()
    stat = metering.live("k1")
    assert stat["cpu_util"] == {
        "current": "100", "capacity": "1000", "pct": "10.00", "unit_hint": "percent",
        "stats.max": "500", "stats.avg": "233.333",
    }  # fmt: skip
    assert stat["cpu_used"]["capacity"] == "3000"
    assert (stat["mem"]["current"], stat["mem"]["stats.max"]) == ("300", "400")
    assert stat["mem"]["pct"] == "30.00"
    assert (stat["io_read"]["current"], stat["io_read"]["stats.rate"]) == ("20", "10")
    assert stat["io_scratch_size"]["current"] == "5"
    assert metering.processor_share(["k1", "other"]) == 10
    last = metering.end("k1", ExitStatus(0, "user-requested", cpu_used=800, memory_peak=900))
    assert (last["cpu_used"]["current"], last["mem"]["stats.max"]) == ("800", "900")
    assert metering.live("k1") is None


def test_running_sessions_tell_what_they_use(client):
    created = client.create("used")
    client.run("used", "block = bytearray(100 << 20)")
    deadline = time.monotonic() + DEADLINE
    stat = None
    while amount(stat, "mem") < 100 * MIB:
        assert time.monotonic() < deadline, stat
        stat = json.loads(detail(client, created["sessionId"])[1]["live_stat"])
    assert stat["mem"]["capacity"] == str(1024 * MIB)
    info = client.ask("GET", "/session/used").json()
    assert amount(info["lastStat"], "mem", "stats.max") >= 100 * MIB
    stats = client.ask("DELETE", "/session/used").json()["stats"]
    assert amount(stats, "mem", "stats.max") >= 100 * MIB
    kept = detail(client, created["sessionId"])[1]
    assert kept["live_stat"] is None
    assert json.loads(kept["last_stat"]).items() <= stats.items()


def test_too_much_memory_ends_the_session_alone(client):
    other = client.create("modest")
    resources = {"resources": {"cpu": 1, "mem": "256m"}}
    created = client.create("greedy", config=resources)
    with client.events("?sessionName=greedy&scope=session") as events:
        turns = client.run("greedy", "x = bytearray(600 << 20)\ninput()")
        assert turns[-1]["exitCode"] == 137
        assert "256 MiB" in client.console(turns, "stderr")
        ended = next(event for event in events if event.name == "session_terminated")
    assert (ended.data["reason"], ended.data["exitCode"]) == ("out-of-memory", 137)
    found, container = detail(client, created["sessionId"])
    assert (found["status"], found["status_info"]) == ("TERMINATED", "out-of-memory")
    assert json.loads(found["status_data"])["memory"]["limit"] == 256 * MIB
    assert container["status_info"] == "out-of-memory"
    assert client.console(client.run("modest", "print('alive')")) == "alive\n"
    assert other["status"] == "RUNNING"
    client.ask("DELETE", "/session/modest")
