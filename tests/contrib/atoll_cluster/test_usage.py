"""What sessions use, and what becomes of those that use too much."""

import json
import time

import pytest
from attrs import evolve

from atoll_cluster import node
from atoll_cluster.engine.contract import ExitStatus, Image, KernelSpec, Usage
from atoll_cluster.scheduler.metering import Metering, amount

MIB = 1024 * 1024
DEADLINE = 60
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
    metering.add(evolve(SPEC, cpus=(0,)))
    for moment in (101.0, 103.0):
        times[0] = moment
        await metering.measure()
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


@pytest.mark.parametrize(
    ("seconds", "cpu_used"),
    [(0.0001, 10), (0.01, 30), (0.5, 4000), (2.0, 1200), (2.0, 99_000), (2.0, -10)],
)
@pytest.mark.parametrize("quota", [None, 0.1, 1.5])
@pytest.mark.anyio
async def test_nobody_uses_more_processors_than_there_are(seconds, cpu_used, quota):
    """Whatever the time between two looks, and of whichever moment the figures are."""

    class Engine:
        async def measure(self, kernel_ids):
            used = Usage(cpu_used=100 + cpu_used, memory=400, read=0, written=0)
            return dict.fromkeys(kernel_ids, used)

    times = [100.0]
    metering = Metering(Engine(), lambda: times[0])
    metering.add(evolve(SPEC, cpus=(0, 1), cpu_quota=quota))
    times[0] += seconds
    await metering.measure()
    live = metering.live("k1")
    util = live["cpu_util"]
    assert 0 <= float(util["current"]) <= float(util["stats.max"]) <= 2000
    assert 0 <= float(util["stats.avg"]) <= 2000
    assert float(util["current"]) <= float(util["capacity"]) <= 2000
    assert all(0 <= float(metric["pct"]) <= 100 for metric in live.values())
    assert metering.processor_share(["k1"]) <= 100
    ended = metering.end("k1", ExitStatus(0, "user-requested", cpu_used=10**6))
    assert float(ended["cpu_util"]["stats.max"]) <= 2000


@pytest.mark.anyio
async def test_the_figures_of_a_short_session_are_possible():
    metering = Metering(None, lambda: 100.0)
    metering.add(evolve(SPEC, cpus=(0,)))
    util = metering.end("k1", ExitStatus(0, "self-terminated", cpu_used=900))["cpu_util"]
    assert (util["current"], util["stats.max"], util["pct"]) == ("1000", "1000", "100.00")


STAT = """cpu  {0} 0 0 {1} 0 0 0 0 0 0
cpu0 {0} 0 0 {1} 0 0 0 0 0 0
cpu1 {2} 0 0 {3} 0 0 0 0 {2} 0
intr 1 2 3
"""


def test_processors_are_busy_for_all_of_the_time_at_most(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(node.time, "monotonic", lambda: clock[0])
    stat = tmp_path / "stat"
    processors = node.Processors(stat)
    stat.write_text(STAT.format(50, 150, 0, 100))
    assert processors.measure() == [0.25, 0]
    stat.write_text(STAT.format(150, 150, 25, 175))
    assert processors.measure() == [0.25, 0]
    clock[0] += 2
    assert processors.measure() == [1, 0.25]
    for after in ((140, 140, 25, 175), (150, 150, 5, 200)):
        clock[0] += 2
        stat.write_text(STAT.format(*after))
        assert all(0 <= share <= 1 for share in processors.measure())


def test_an_agent_reports_possible_figures(client):
    query = "query($id: String!) { agent(agent_id: $id) { live_stat } }"
    for _ in range(3):
        agent = client.gql(query, id="i-local")["data"]["agent"]
        live = json.loads(agent["live_stat"])
        each = live["devices"]["cpu_util"].values()
        for figure in (*live["node"].values(), *each):
            assert 0 <= float(figure["current"]) <= float(figure["capacity"])
            assert 0 <= float(figure["pct"]) <= 100
        assert live["node"]["cpu_util"]["capacity"] == str(1000 * len(each))


def test_running_sessions_report_their_usage(client):
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
