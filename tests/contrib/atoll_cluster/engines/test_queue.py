"""A cluster whose engine has a queue: sessions tell what they wait for, and go on after a crash."""

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
    program.start()
    yield program
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


def test_one_that_waits_is_removed(pooled, http):
    client = pooled.client(http)
    client.create("first")
    second = enqueue(client, "second")
    until(client, second, "SCHEDULED", "Places(1)")
    client.ask("DELETE", "/session/second")
    until(client, second, "TERMINATED", "user-requested")
    assert client.console(client.run("first", "print('still')")) == "still\n"


def test_a_refusal_is_the_reason(pooled, http):
    client = pooled.client(http)
    body = {"config": {"resources": {"cpu": os.cpu_count() + 1, "mem": "256m"}}}
    session = enqueue(client, "big", **body)
    until(client, session, "ERROR", "the pool has no machine with so many processors")


def test_the_queue_outlives_the_program(pooled, http):
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
