"""An engine that tells its machines: they are the agents, and sessions are on one of them."""

import json
import time

import pytest
from tests.contrib.atoll_cluster.conftest import Program
from tests.contrib.atoll_cluster.engines.test_documented import documented

GIB = 2**30
NODES = """

import json
import time
from decimal import Decimal
from atoll_cluster.engines import Node


async def nodes(self):
    try:
        told = json.loads((self.site.root.parent.parent / "nodes.json").read_text())
    except FileNotFoundError:
        raise EngineError("nobody answers") from None
    amounts = lambda found: {name: Decimal(amount) for name, amount in found.items()}
    return [Node(**{**one, "slots": amounts(one["slots"]), "used": amounts(one["used"])})
            for one in told]


async def accounts(self):
    return ["proj"]


Pool.nodes = nodes
Pool.accounts = accounts
start = Pool.start


async def start_for_accounts(self, job):
    if job.terms.group not in {"default", "proj"}:
        raise EngineError(f"no account {job.terms.group}")
    if job.name == "told":
        raise EngineError(f"counted for {job.terms.group}")
    await start(self, job)


Pool.start = start_for_accounts
"""
M1 = {"name": "m1", "groups": ["default"], "slots": {"cpu": 8, "mem": 16 * GIB},
      "used": {"cpu": 3, "mem": 4 * GIB}, "cpu_load": 2.0, "memory_used": GIB}  # fmt: skip
M2 = {"name": "m2", "groups": ["gpu"], "slots": {"cpu": 4, "mem": 8 * GIB, "cuda.device": 2},
      "used": {}}  # fmt: skip
DRAINED = {**M2, "is_open": False, "state": "drained", "reason": "drained: a new disk"}
LOST = {**M2, "is_alive": False, "state": "down", "reason": "down: it does not answer"}
AGENTS = """query($status: String, $filter: String) {
  agent_list(limit: 9, offset: 0, status: $status, filter: $filter, order: "-id") { items {
    id status schedulable scaling_group available_slots occupied_slots cpu_cur_pct mem_cur_bytes
    hardware_metadata live_stat container_count compute_containers { session_id }
} } }"""


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """A cluster on the engine of the documentation, which tells machines besides."""
    text = documented("atoll_pool.py").replace("Running()", 'Running("m1", "job-7")')
    (tmp_path / "atoll_pool.py").write_text(text + NODES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = Program(tmp_path / "data", ("--engine", "atoll_pool:launcher"))
    yield program
    if program.process is not None:
        program.end()


def telling(program, *nodes):
    """Start the program where these are the machines."""
    (program.data.parent / "nodes.json").write_text(json.dumps(nodes))
    return program.start()


def agents(client, **variables):
    found = client.gql(AGENTS, **variables)["data"]["agent_list"]["items"]
    return {one["id"]: one for one in found}


def test_each_machine_is_an_agent(pooled, http):
    client = telling(pooled, M1, M2).client(http)
    found = agents(client)
    assert list(found) == ["m2", "m1"]
    assert json.loads(found["m1"]["available_slots"]) == {"cpu": "8", "mem": str(16 * GIB)}
    assert json.loads(found["m1"]["occupied_slots"]) == {"cpu": "3", "mem": str(4 * GIB)}
    assert (found["m1"]["cpu_cur_pct"], found["m1"]["mem_cur_bytes"]) == (25.0, GIB)
    assert found["m2"]["scaling_group"] == "gpu"
    figures = json.loads(found["m1"]["live_stat"])
    assert figures["node"]["cpu_util"]["pct"] == "25.00"
    assert len(figures["devices"]["cpu_util"]) == 8
    assert figures["devices"]["mem"]["root"]["current"] == str(GIB)
    assert list(agents(client, filter='scaling_group == "gpu"')) == ["m2"]


@pytest.mark.parametrize(
    ("node", "status", "why"),
    [(DRAINED, "ALIVE", "drained: a new disk"), (LOST, "LOST", "down: it does not answer")],
)
def test_a_machine_that_accepts_no_sessions_shows_the_reason(pooled, http, node, status, why):
    client = telling(pooled, M1, node).client(http)
    found = agents(client)["m2"]
    assert (found["status"], found["schedulable"]) == (status, False)
    assert json.loads(found["hardware_metadata"])["node"]["status_info"] == why
    assert set(agents(client, status="LOST")) == ({"m2"} if status == "LOST" else set())
    free = client.ask("POST", "/resource/check-presets", json={}).json()
    assert free["scaling_group_remaining"]["cpu"] == "5"


def test_a_session_is_on_its_machine_and_has_the_engine_s_name(pooled, http):
    client = telling(pooled, M1, M2).client(http)
    session = client.create("s1")["sessionId"]
    query = "query($id: UUID!) { compute_session(id: $id) { agent_ids status_data } }"
    found = client.gql(query, id=session)["data"]["compute_session"]
    assert found["agent_ids"] == ["m1"]
    assert json.loads(found["status_data"])["engine"] == {"id": "job-7", "node": "m1"}
    told = agents(client)["m1"]
    assert told["container_count"] == 1
    assert told["compute_containers"] == [{"session_id": session}]


def test_free_slots_are_those_of_all_machines_and_of_each_group(pooled, http):
    client = telling(pooled, M1, M2).client(http)
    free = client.ask("POST", "/resource/check-presets", json={}).json()
    assert free["scaling_group_remaining"]["cpu"] == "9"
    assert free["scaling_groups"]["default"]["using"]["cpu"] == "3"
    assert "cuda.device" in client.ask("GET", "/config/resource-slots").json()


def test_accounts_are_groups_that_sessions_can_be_counted_for(pooled, http):
    client = telling(pooled, M1).client(http)
    give_up = time.monotonic() + 60
    while "proj" not in groups(client):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert client.create("told", group="proj")["statusInfo"] == "counted for proj"


def groups(client):
    told = client.gql("{ groups { name } }")["data"]["groups"]
    return [one["name"] for one in told]


@pytest.mark.parametrize(
    ("told", "why"), [(None, "nobody answers"), ("{", "the engine has failed to tell them")]
)
def test_an_engine_that_does_not_answer_has_no_agents_but_a_reason(pooled, http, told, why):
    if told:
        (pooled.data.parent / "nodes.json").write_text(told)
    client = pooled.start().client(http)
    answer = client.gql(AGENTS)
    assert f"the agents are unknown: {why}" in answer["errors"][0]["message"]
    assert client.ask("POST", "/resource/check-presets", json={}).status_code == 200


def test_a_queue_without_machines_shows_the_slots_of_its_sessions(tmp_path, monkeypatch, http):
    (tmp_path / "atoll_pool.py").write_text(documented("atoll_pool.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = Program(tmp_path / "data", ("--engine", "atoll_pool:launcher"))
    client = program.start().client(http)
    try:
        client.create("s1", config={"resources": {"cpu": 1, "mem": "256m"}})
        [agent] = agents(client).values()
        assert agent["id"] == "i-local"
        assert json.loads(agent["available_slots"])["cpu"] == "1"
        free = client.ask("POST", "/resource/check-presets", json={}).json()
        assert free["scaling_group_remaining"]["cpu"] == "Infinity"
    finally:
        program.end()
