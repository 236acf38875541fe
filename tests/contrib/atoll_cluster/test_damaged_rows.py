"""Damage on the disk and in the store costs what is damaged, and neither a start nor the rest."""

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.contrib.atoll_cluster.conftest import DEADLINE
from tests.contrib.processes import wait_for_end

pytestmark = pytest.mark.slow


def change(program, statement, *values):
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database, database:
        database.execute(statement, values)


def status(client, session_id):
    query = "query($id: UUID!) { compute_session(id: $id) { status status_info } }"
    answer = client.gql(query, id=session_id)
    found = answer["data"]["compute_session"]
    assert found, answer
    return found["status"], found["status_info"] or ""


def kernel_of(client, name):
    return client.ask("GET", f"/session/{name}").json()["containerId"]


ROWS = {
    "a status that there is not": ("sessions", "status", "FLYING"),
    "mounts that are no JSON": ("sessions", "vfolder_mounts", "{{{"),
    "mounts without places": ("sessions", "vfolder_mounts", '[{"name": 5}]'),
    "an environment of another kind": ("sessions", "environ", "[1, 2]"),
    "slots that are none": ("sessions", "requested_slots", '{"cpu": "many", "mem": []}'),
    "a kernel's slots that are none": ("kernels", "occupied_slots", '{"cpu": {}}'),
    "processors that are none": ("kernels", "cpus", '["x", null]'),
    "deep JSON": ("kernels", "devices", "[" * 50_000),
    "a moment that is none": ("kernels", "status_changed", "once upon a time"),
    "a year that no calendar has": ("sessions", "status_changed", "99999-01-01T00:00:00"),
    "an image that is none": ("sessions", "image", ""),
    "a priority beyond all": ("sessions", "priority", 2**62),
}


@pytest.mark.parametrize(("table", "column", "value"), ROWS.values(), ids=ROWS)
def test_a_damaged_row_affects_nothing_else(program, http, table, column, value):
    program.arguments = ("--slots", "cpu=8")
    client = program.start().client(http)
    client.create("intact")
    client.run("intact", "x = 41")
    damaged = client.create("damaged")["sessionId"]
    kernel = kernel_of(client, "damaged")
    waiting = {"starts_at": "1h", "type": "batch", "startupCommand": "true", "enqueueOnly": True}
    client.create("waits", **waiting)
    program.end(signal.SIGKILL)
    key = "session_id" if table == "kernels" else "id"
    change(program, f"UPDATE {table} SET {column} = ? WHERE {key} = ?", value, damaged)  # noqa: S608
    client = program.start().client(http)
    assert client.console(client.run("intact", "print(x + 1)")) == "42\n"
    assert client.run("new-one", "print(1)") if client.create("new-one") else False
    found, why = status(client, damaged)
    assert found in {"RUNNING", "TERMINATED"} or (found == "ERROR" and why)
    if found != "TERMINATED":
        answer = client.ask("DELETE", f"/session/{damaged}?forced=true")
        assert answer.status_code == 200, answer.text
    deadline = time.monotonic() + DEADLINE
    while (program.data / "kernels" / kernel).exists():
        assert time.monotonic() < deadline
        os.sched_yield()
    assert program.end() == 0


STATES = {
    "supervisor.json": [b"", b"{", b"[1]", b'{"pid": "1"}', b'{"pid": -1, "started": 1}', b"\xff"],
    "launch.json": [b"", b"[]", b'{"cgroups": 5}', b'{"cgroups": [5]}', b"[" * 99_999],
    "services.json": [b"", b"5", b"[5]", b'[{"name": 1}]'],
    "exit.json": [b"", b"[]", b'{"exit_code": "x"}', b'{"exit_code": 0, "reason": null}'],
}


@pytest.mark.parametrize(
    ("name", "content"), [(name, one) for name, contents in STATES.items() for one in contents]
)
def test_a_damaged_file_of_a_kernel_affects_nothing_else(program, http, name, content):
    client = program.start().client(http)
    created = [client.create(name)["sessionId"] for name in ("intact", "damaged")]
    kernel = kernel_of(client, "damaged")
    supervisor = program.supervisor(kernel)
    program.end(signal.SIGKILL)
    if name == "exit.json":
        os.kill(supervisor, signal.SIGKILL)
        wait_for_end(supervisor)
    (program.data / "kernels" / kernel / "run" / name).write_bytes(content)
    client = program.start().client(http)
    assert status(client, created[0])[0] == "RUNNING"
    found, why = status(client, created[1])
    assert found == "RUNNING" or why
    if found == "RUNNING":
        assert client.ask("DELETE", "/session/damaged").status_code == 200
    assert not (program.data / "kernels" / kernel).exists()


def test_unknown_files_do_not_prevent_the_start(program, http):
    client = program.start().client(http)
    client.create("intact")
    program.end(signal.SIGKILL)
    for place in (program.data / "kernels", program.data / "storage" / "folders"):
        (place / "a file").write_text("x")
        (place / "link").symlink_to("/nowhere")
        (place / ("n" * 255)).mkdir()
        os.mkfifo(place / "fifo")
        Path(os.fsdecode(os.fsencode(place) + b"/\xff\n")).mkdir()
    client = program.start().client(http)
    assert client.run("intact", "print(1)")[-1]["exitCode"] == 0
    assert client.ask("POST", "/local/repair", json={"remove": True}).status_code == 200
    assert program.end() == 0


def test_the_end_of_a_kernel_is_recorded_after_the_database_lock(program, http):
    client = program.start().client(http)
    ended = client.create("ended")["sessionId"]
    client.create("intact")
    supervisor = program.supervisor(kernel_of(client, "ended"))
    with closing(sqlite3.connect(program.data / "cluster.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        os.kill(supervisor, signal.SIGKILL)
        wait_for_end(supervisor)
        # That nothing is given up meanwhile is the point: the time has to pass.
        threading.Event().wait(12)
        assert client.ask("GET", "/session/intact").status_code == 200
        assert client.ask("PATCH", "/session/intact").status_code == 503
        other.execute("ROLLBACK")
    with client.events("?sessionName=ended&scope=session") as events:
        if status(client, ended)[0] != "TERMINATED":
            assert "session_terminated" in (event.name for event in events)
    assert status(client, ended) == ("TERMINATED", "unknown")
    assert client.run("intact", "print(1)")[-1]["exitCode"] == 0
