"""A database that another program holds locked: reads are answered, all else is put off."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager, suppress

import pytest
from tests.contrib.locks import locked
from websockets.exceptions import InvalidStatus

from atoll_cluster.instance import process_start

SOON = 2.0
"""Seconds in which every answer comes, lock or no lock."""
USES = {"num_queries", "last_used", "active_at"}
MUTATIONS = """mutation {
    one: create_domain(name: "one", props: {description: ""}) { ok }
    two: create_domain(name: "two", props: {description: ""}) { ok }
}"""
JOB = "touch running; sleep 1; rm running; exit 3"
ENDED = """{
    compute_session_list(limit: 9, offset: 0, status: "TERMINATED") { items { name result } }
}"""
WAITING = {"type": "batch", "startupCommand": "true", "startsAt": "+2d", "enqueueOnly": True}


@pytest.fixture(scope="module")
def cluster(shared, http):
    client = shared.client(http)
    client.create("works", config={"resources": {"cpu": 1}})
    for name in ("waits", "later"):
        client.create(name, **WAITING)
    assert client.ask("POST", "/folders", json={"name": "data"}).status_code == 201
    assert client.ask("POST", "/folders", json={"name": "copied", "cloneable": True}).is_success
    return client


@pytest.fixture
def database(shared):
    return shared.data / "cluster.sqlite3"


def kept(database):
    """Return everything that the store holds besides what was used when."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {
            table: [
                {key: row[key] for key in set(row.keys()) - USES}
                for row in db.execute(f"SELECT * FROM {table}")  # noqa: S608
            ]
            for table in tables
        }


def on_disk(shared):
    return sorted(path.name for path in (shared.data / "storage").glob("*/*"))


READS = (
    ("GET", "/session/works", None),
    ("GET", "/session/works/logs", None),
    ("GET", "/session/works/dependency-graph", None),
    ("GET", "/session/_/match?id=work", None),
    ("GET", "/session/works/files", None),
    ("GET", "/folders", None),
    ("GET", "/folders/data", None),
    ("GET", "/folders/data/files?path=.", None),
    ("GET", "/template/session", None),
    ("GET", "/user-config/dotfiles", None),
    ("GET", "/logs/error", None),
    ("GET", "/manager/status", None),
    ("GET", "/resource/presets", None),
    ("POST", "/resource/check-presets", {"group": "default"}),
    ("GET", "/resource/usage/period?start_date=20260101&end_date=20260102", None),
    ("GET", "/auth/role", None),
    ("POST", "/config/get", {"key": "manager", "prefix": True}),
    ("POST", "/admin/gql", {"query": "{ keypairs { access_key num_queries } }"}),
    ("POST", "/session/works", {"mode": "query", "code": "1", "runId": None}),
    ("POST", "/session/works/complete", {"code": "pri"}),
    ("POST", "/session/works/interrupt", {}),
)
WRITES = (
    ("POST", "/session", {"name": "more", "image": "python", **WAITING}),
    ("DELETE", "/session/waits", None),
    ("DELETE", "/session/waits?recursive=true", None),
    ("DELETE", "/session/works?forced=true", None),
    ("PATCH", "/session/works", None),
    ("POST", "/session/works/rename", {"name": "other"}),
    ("POST", "/folders", {"name": "more"}),
    ("POST", "/folders/copied/clone", {"target_name": "copy"}),
    ("POST", "/folders/data/rename", {"new_name": "other"}),
    ("DELETE", "/folders/data", None),
    ("DELETE", "/folders/data/force", None),
    ("POST", "/folders/data/invite", {"emails": ["user@atoll.local"]}),
    ("POST", "/user-config/dotfiles", {"path": ".rc", "data": "x", "permission": "644"}),
    ("POST", "/user-config/bootstrap-script", {"script": "echo"}),
    ("POST", "/logs/error", {"severity": "info", "source": "x", "message": "y",
                             "context_lang": "en", "context_env": "{}"}),
    ("PUT", "/manager/status", {"status": "frozen", "force_kill": True}),
    ("POST", "/manager/scheduler/operation", {"op": "exclude-agents", "args": ["i-local"]}),
    ("POST", "/resource/watcher/agent/stop", {"agent_id": "i-local"}),
    ("POST", "/manager/announcement", {"enabled": True, "message": "hear"}),
    ("POST", "/config/set", {"key": "a", "value": {"b": "1", "c": "2"}}),
    ("PATCH", "/auth/ssh-keypair", {}),
    ("POST", "/auth/update-full-name", {"email": "admin@atoll.local", "full_name": "x"}),
    ("POST", "/admin/gql", {"query": MUTATIONS}),
    ("POST", "/admin/graphql", {"query": MUTATIONS}),
)  # fmt: skip


def test_requests_that_read_are_answered(cluster, database):
    with locked(database):
        for method, path, body in READS:
            begin = time.monotonic()
            answer = cluster.ask(method, path, json=body)
            assert answer.is_success, (path, answer.text)
            assert time.monotonic() - begin < SOON + 2 * ("mode" in str(body)), path


def test_requests_that_write_are_refused_and_change_nothing(cluster, shared, database):
    before, files = kept(database), on_disk(shared)
    with locked(database):
        for method, path, body in WRITES:
            begin = time.monotonic()
            answer = cluster.ask(method, path, json=body)
            assert answer.status_code == 503, (path, answer.text)
            assert answer.json()["type"].endswith("/store-unavailable"), path
            assert "locked by another program; nothing was done" in answer.json()["msg"]
            assert answer.headers["Retry-After"] == "1"
            assert time.monotonic() - begin < SOON, path
    assert kept(database) == before
    assert on_disk(shared) == files
    assert cluster.ask("GET", "/session/works").json()["status"] == "RUNNING"


def test_streams_run_code_and_refuse_what_must_be_written(cluster, database):
    with locked(database):
        with cluster.stream("works") as stream:
            stream.send(json.dumps({"mode": "query", "code": "print(6 * 7)", "options": {}}))
            turns = [json.loads(message) for message in stream]
        assert [["stdout", "42\n"]] in [turn["console"] for turn in turns]
        with cluster.stream("works", "pty") as terminal:
            terminal.send(json.dumps({"type": "restart"}))
            told = next(m for m in map(json.loads, terminal) if m["type"] == "error")
        assert "nothing was done" in told["reason"]
        with pytest.raises(InvalidStatus) as refused, cluster.stream("nothing"):
            pass
        assert refused.value.response.status_code == 404


def test_events_and_background_work_go_on_afterwards(cluster, database):
    with cluster.events("?scope=session") as events:
        with locked(database):
            assert cluster.ask("DELETE", "/session/later").status_code == 503
        assert cluster.ask("DELETE", "/session/later").status_code == 200
        assert next(events).name == "session_cancelled"


def uses(client):
    query = "{ keypair { num_queries last_used } }"
    return client.gql(query)["data"]["keypair"]["num_queries"]


def test_uses_are_written_once_the_lock_is_gone_and_none_is_lost(program, http):
    client = program.start().client(http)
    database = program.data / "cluster.sqlite3"
    with locked(database):
        for _ in range(25):
            assert client.ask("GET", "/auth/role").status_code == 200
    assert program.end() == 0
    client = program.start().client(http)
    assert uses(client) == 25


@contextmanager
def full(path):
    """Fill the disk of a file to its last block for as long as the block lasts."""
    filler = path.parent.parent / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def small(program, tmp_path):
    """A program on a small disk of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    program.data = disk / "data"
    yield program
    if program.process is not None:
        program.end()
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("hold", [locked, full])
def test_sessions_that_end_meanwhile_are_recorded_afterwards(small, http, hold):
    client = small.start().client(http)
    few = {"config": {"resources": {"cpu": 0.1}}}
    client.create("batch", type="batch", startupCommand=JOB, **few)
    client.create("killed", **few)
    kernel = client.ask("GET", "/session/killed").json()["containerId"]
    batch = client.ask("GET", "/session/batch").json()["containerId"]
    running = small.data / "kernels" / batch / "home" / "running"
    while not running.exists():
        os.sched_yield()
    with client.events("?scope=session") as events:
        with hold(small.data / "cluster.sqlite3"):
            supervisor = small.supervisor(kernel)
            os.kill(supervisor, signal.SIGKILL)
            while running.exists() or process_start(supervisor):
                os.sched_yield()
            assert client.ask("GET", "/auth/role").status_code == 200
            refused = client.ask("POST", "/folders", json={"name": "data"})
            assert refused.status_code in {503, 507}
        ended = (one.data["sessionName"] for one in events if one.name == "session_terminated")
        assert {next(ended), next(ended)} == {"batch", "killed"}
    assert small.process.poll() is None
    found = client.gql(ENDED)["data"]["compute_session_list"]["items"]
    assert {one["name"]: one["result"] for one in found} == {
        "batch": "FAILURE",
        "killed": "UNDEFINED",
    }
    assert client.ask("POST", "/folders", json={"name": "data"}).status_code == 201
    assert small.end() == 0
