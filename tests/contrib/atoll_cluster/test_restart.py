"""Sessions that are restarted in place, and starts that are put off."""

import json
import os
import signal
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

STATUS = """query($id: UUID!) { compute_session(id: $id) {
    status result status_info status_data starts_at main_kernel_id } }"""


def detail(client, session_id):
    return client.gql(STATUS, id=session_id)["data"]["compute_session"]


def test_restart_keeps_the_home_and_loses_the_rest(client):
    created = client.create("again", environ={"GREETING": "hello"})
    client.run("again", "x = 1; open('kept.txt', 'w').write('kept'); print('before')")
    kernel_id = detail(client, created["sessionId"])["main_kernel_id"]
    with client.events("?sessionName=again&scope=session") as events:
        assert client.ask("PATCH", "/session/again").status_code == 204
        names = [next(events).name for _ in range(2)]
    assert names == ["session_restarting", "session_started"]
    found = detail(client, created["sessionId"])
    assert (found["status"], found["main_kernel_id"]) == ("RUNNING", kernel_id)
    turns = client.run("again", "print('x' in globals(), open('kept.txt').read())")
    assert client.console(turns) == "False kept\n"
    logs = client.ask("GET", "/session/again/logs").json()["result"]["logs"]
    assert logs == "before\nFalse kept\n"
    assert client.ask("DELETE", "/session/again").json()["stats"]["status"] == "terminated"


def test_restart_of_a_cluster_restarts_all_of_it(client):
    client.create("again-all", clusterSize=2)
    assert client.ask("PATCH", "/session/again-all").status_code == 204
    query = """{ compute_session_list(limit: 1, offset: 0, filter: "name == \\"again-all\\"") {
        items { status containers { status } } } }"""
    (found,) = client.gql(query)["data"]["compute_session_list"]["items"]
    assert found["status"] == "RUNNING"
    assert [one["status"] for one in found["containers"]] == ["RUNNING", "RUNNING"]
    client.ask("DELETE", "/session/again-all")


def test_only_what_runs_can_be_restarted(client):
    client.create("not-yet", type="batch", startupCommand="true", starts_at="1h", enqueueOnly=True)
    refused = client.ask("PATCH", "/session/not-yet")
    assert (refused.status_code, "PENDING" in refused.json()["msg"]) == (400, True)
    client.ask("DELETE", "/session/not-yet")


@pytest.mark.parametrize("by_id", [False, True])
def test_restart_of_an_ended_session_reports_its_end(shared, client, by_id):
    created = client.create("was-killed")
    kernel_id = detail(client, created["sessionId"])["main_kernel_id"]
    with client.events("?sessionName=was-killed&scope=session") as events:
        os.kill(shared.supervisor(kernel_id), signal.SIGKILL)
        assert "session_terminated" in (event.name for event in events)
    refused = client.ask("PATCH", f"/session/{created['sessionId'] if by_id else 'was-killed'}")
    assert refused.status_code == 400
    assert "session was-killed is TERMINATED: unknown" in refused.json()["msg"]


def test_restart_that_a_killed_program_began_is_done(program, http):
    client = program.start().client(http)
    created = client.create("halfway")
    client.run("halfway", "open('kept.txt', 'w').write('kept')")
    program.end(signal.SIGKILL)
    _mark_restarting(program)
    client = program.start().client(http)
    with client.events("?sessionName=halfway&scope=session") as events:
        if detail(client, created["sessionId"])["status"] == "RESTARTING":
            assert next(events).name == "session_started"
    assert client.console(client.run("halfway", "print(open('kept.txt').read())")) == "kept\n"


def _mark_restarting(program):
    with sqlite3.connect(program.data / "cluster.sqlite3") as database:
        database.execute("UPDATE sessions SET status = 'RESTARTING'")
    database.close()


def test_batch_session_that_fails_tells_how(client):
    with client.events("?sessionName=failing") as events:
        created = client.create(
            "failing", type="batch", startupCommand="echo trying; exit 3", enqueueOnly=True
        )
        told = {event.name: event.data for event in until_the_end(events)}
    for name in ("session_failure", "kernel_terminated", "session_terminated"):
        assert (told[name]["exitCode"], told[name]["reason"]) == (3, "task-failed")
    assert told["kernel_terminated"]["kernelId"]
    found = detail(client, created["sessionId"])
    assert (found["result"], found["status_info"]) == ("FAILURE", "task-failed")
    assert json.loads(found["status_data"])["kernel"]["exit_code"] == 3


@pytest.mark.parametrize(
    ("command", "code", "reason", "result_reason"),
    [
        ("sleep 1000", 143, "user-requested", "task-cancelled"),
        ("python -c 'bytearray(600 << 20)'", 137, "out-of-memory", "task-failed"),
    ],
)
def test_batch_session_that_is_ended_has_failed(client, command, code, reason, result_reason):
    resources = {"resources": {"cpu": 1, "mem": "256m"}}
    with client.events("?sessionName=stopped") as events:
        created = client.create(
            "stopped", type="batch", startupCommand=command, config=resources, enqueueOnly=True
        )
        if reason == "user-requested":
            assert "session_started" in (event.name for event in events)
            client.ask("DELETE", "/session/stopped")
        told = {event.name: event.data for event in until_the_end(events)}
    assert (told["session_failure"]["exitCode"], told["session_failure"]["reason"]) == (
        code,
        result_reason,
    )
    for name in ("kernel_terminated", "session_terminated"):
        assert (told[name]["exitCode"], told[name]["reason"]) == (code, reason)
    found = detail(client, created["sessionId"])
    assert (found["result"], found["status_info"]) == ("FAILURE", reason)
    data = json.loads(found["status_data"])
    assert data["kernel"]["exit_code"] == code
    assert ("memory" in data) == (reason == "out-of-memory")


def test_batch_session_is_restarted_from_the_beginning(client):
    counting = "echo up >> starts"
    command = "[ $(wc -l < starts) = 2 ] || sleep 1000"
    wish = {"type": "batch", "startupCommand": command, "bootstrap_script": counting}
    with client.events("?sessionName=twice&scope=session") as events:
        client.create("twice", enqueueOnly=True, **wish)
        assert "session_started" in (event.name for event in events)
        assert client.ask("PATCH", "/session/twice").status_code == 204
        told = {event.name: event.data for event in until_the_end(events)}
    assert told["session_success"]["exitCode"] == 0
    assert "session_failure" not in told


def until_the_end(events):
    for event in events:
        yield event
        if event.name == "session_terminated":
            return


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("+5m", 300), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400), ("1w", 604800)],
)
def test_starts_can_be_delayed_by_a_duration(client, text, seconds):
    created = client.create(
        "put-off", type="batch", startupCommand="true", starts_at=text, enqueueOnly=True
    )
    starts_at = datetime.fromisoformat(detail(client, created["sessionId"])["starts_at"])
    assert abs((starts_at - datetime.now(UTC)).total_seconds() - seconds) < 10
    client.ask("DELETE", "/session/put-off")


def test_starts_can_be_delayed_until_a_time(client):
    moment = datetime.now(UTC) + timedelta(seconds=0.5)
    with client.events("?sessionName=at-last&scope=session") as events:
        client.create(
            "at-last",
            type="batch",
            startupCommand="true",
            starts_at=moment.isoformat(),
            enqueueOnly=True,
        )
        assert "session_scheduled" in (event.name for event in events)
    assert datetime.now(UTC) >= moment
