"""A cluster whose engine has a queue: sessions tell what they wait for, and go on after a crash."""

import json
import os
import signal
import time

import pytest
from tests.contrib.atoll_cluster.conftest import Program
from tests.contrib.atoll_cluster.engines.test_documented import documented

DEADLINE = 60.0


@pytest.fixture
def pooled(tmp_path, monkeypatch):
    """A cluster on the engine of the documentation, with one place."""
    (tmp_path / "atoll_pool.py").write_text(documented("atoll_pool.py"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    program = Program(tmp_path / "data", ("--engine", "atoll_pool:launcher"))
    yield program.start()
    if program.process is not None:
        program.end()


def shown(client, session):
    query = "query($id: UUID!) { compute_session(id: $id) { status status_info } }"
    found = client.gql(query, id=session)["data"]["compute_session"]
    return found["status"], found["status_info"]


def until(client, session, *wanted):
    """Look until a session is shown like that."""
    give_up = time.monotonic() + DEADLINE
    while (now := shown(client, session)) != wanted:
        assert time.monotonic() < give_up, f"{now}, not {wanted}"
        time.sleep(0.05)


def enqueue(client, name, **body):
    return client.create(name, enqueueOnly=True, **body)["sessionId"]


def test_a_session_waits_for_its_turn_with_the_reason(pooled, http):
    client = pooled.client(http)
    first = client.create("first")
    assert client.console(client.run("first", "print(6 * 7)")) == "42\n"
    second = enqueue(client, "second")
    until(client, second, "SCHEDULED", "Places(1)")
    client.ask("DELETE", "/session/first")
    until(client, second, "RUNNING", "")
    until(client, first["sessionId"], "TERMINATED", "user-requested")
    assert client.console(client.run("second", "print('mine')")) == "mine\n"


def test_a_waiting_session_can_be_removed(pooled, http):
    client = pooled.client(http)
    client.create("first")
    second = enqueue(client, "second")
    until(client, second, "SCHEDULED", "Places(1)")
    client.ask("DELETE", "/session/second")
    until(client, second, "TERMINATED", "user-requested")
    assert client.console(client.run("first", "print('still')")) == "still\n"


def test_the_message_of_a_refusal_is_the_reason(pooled, http):
    client = pooled.client(http)
    body = {"config": {"resources": {"cpu": os.cpu_count() + 1, "mem": "256m"}}}
    session = enqueue(client, "big", **body)
    until(client, session, "ERROR", "the pool has no machine with so many processors")


def test_the_queue_survives_a_restart_of_the_program(pooled, http):
    client = pooled.client(http)
    client.create("first")
    client.run("first", "kept = 'in memory'")
    second = enqueue(client, "second")
    until(client, second, "SCHEDULED", "Places(1)")
    assert pooled.end(signal.SIGKILL) == -signal.SIGKILL
    client = pooled.start().client(http)
    assert client.console(client.run("first", "print(kept)")) == "in memory\n"
    until(client, second, "SCHEDULED", "Places(1)")
    client.ask("DELETE", "/session/first")
    until(client, second, "RUNNING", "")


def test_the_kernels_of_a_session_wait_at_the_same_time(pooled, http):
    """One after another would never have all of them; the engine is named in the data folder."""
    assert pooled.end() == 0
    settings = {"engine": "atoll_pool:launcher", "settings": {"places": "2"}}
    (pooled.data / "config.json").write_text(json.dumps(settings))
    pooled.arguments = ()
    client = pooled.start().client(http)
    first = client.create("first")["sessionId"]
    both = enqueue(client, "both", clusterSize=2)
    until(client, both, "SCHEDULED", "Places(2)")
    client.ask("DELETE", "/session/first")
    until(client, both, "RUNNING", "")
    until(client, first, "TERMINATED", "user-requested")
    query = "query($id: UUID!) { compute_session(id: $id) { containers { status } } }"
    found = client.gql(query, id=both)["data"]["compute_session"]["containers"]
    assert [one["status"] for one in found] == ["RUNNING", "RUNNING"]
