"""Sessions that nobody uses are ended, and those that work are not."""

import json
import sqlite3
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from atoll_cluster import clock, credentials
from atoll_cluster.paths import DataDir
from atoll_cluster.scheduler.idleness import Idleness
from atoll_cluster.store.records import KernelRow, Session
from atoll_cluster.store.store import Store

pytestmark = pytest.mark.anyio
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Kernel:
    idle: float | None = 1e9

    async def idle_for(self):
        return self.idle


@pytest.fixture
def world(tmp_path):
    """Keep one running session, a kernel in it, and a clock that a test turns."""
    data = DataDir.prepare(tmp_path / "data")
    store = Store.open(data.database)
    credentials.ensure_accounts(data, store)
    keys = json.loads(data.credentials.read_text())["admin"]["access_key"]
    at = clock.stamp(BEGIN)
    session = Session(
        id="s1", name="work", image="python", asked_image="python", access_key=keys,
        user_uuid=store.accounts.keypair(keys).user, group_id=store.accounts.groups()[0].id,
        status="RUNNING", status_changed=at, created_at=at, scheduled_at=at,
    )  # fmt: skip
    store.sessions.add(
        session, [KernelRow(id="k1", session_id="s1", status_changed=at, created_at=at)]
    )
    world = SimpleNamespace(store=store, now=BEGIN, ended=[], running={"k1": Kernel()})
    world.supervisor = SimpleNamespace(isolate_failure=lambda *_, **__: nullcontext())
    world.terminate = lambda session_id, reason: world.ended.append((session_id, reason))
    world.pass_by = lambda **time: setattr(world, "now", world.now + timedelta(**time))
    yield world
    store.close()


@pytest.fixture
def idleness(world):
    return Idleness(world, lambda: world.now)


def remaining(idleness, name="network_timeout"):
    return idleness.checks("s1")[name]["remaining"]


async def test_half_an_hour_without_use_ends_a_session(world, idleness):
    world.pass_by(minutes=29)
    assert remaining(idleness) == 60
    assert await idleness.check() == 10
    assert not world.ended
    world.pass_by(minutes=1)
    await idleness.check()
    assert world.ended == [("s1", "idle-timeout")]


async def test_use_restarts_the_idle_time_also_after_a_restart(world, idleness):
    world.pass_by(minutes=20)
    idleness.touch("s1")
    world.store.usage.write()
    world.pass_by(minutes=20)
    later = Idleness(world, lambda: world.now)
    await later.check()
    assert (remaining(later), world.ended) == (600, [])
    world.pass_by(minutes=11)
    await later.check()
    assert world.ended == [("s1", "idle-timeout")]


async def test_code_that_nobody_follows_counts_as_use(world, idleness):
    world.pass_by(hours=2)
    world.running["k1"].idle = None
    await idleness.check()
    assert (remaining(idleness), world.ended) == (1800, [])
    world.pass_by(minutes=31)
    world.running["k1"].idle = 120.0
    await idleness.check()
    assert (remaining(idleness), world.ended) == (1680, [])


async def test_a_policy_may_leave_sessions_alone_or_limit_their_life(world, idleness):
    world.store.db.execute("UPDATE keypair_resource_policies SET idle_timeout = 0")
    world.pass_by(days=30)
    await idleness.check()
    assert (idleness.checks("s1"), world.ended) == ({}, [])
    world.store.db.execute("UPDATE keypair_resource_policies SET max_session_lifetime = 60")
    idleness.touch("s1")
    await idleness.check()
    assert world.ended == [("s1", "idle-session-lifetime")]


def test_idle_sessions_end_and_busy_ones_do_not(program, http):
    program.start().end()
    with sqlite3.connect(program.data / "cluster.sqlite3") as database:
        database.execute("UPDATE keypair_resource_policies SET idle_timeout = 1")
    database.close()
    client = program.start().client(http)
    client.create("busy")
    with client.stream("busy") as stream, client.events("?scope=session") as events:
        stream.send(json.dumps({"mode": "query", "code": "input()", "options": {}}))
        assert json.loads(stream.recv())["status"] == "waiting-input"
        client.create("idle")
        ended = next(event for event in events if event.name == "session_terminated")
        assert (ended.data["sessionName"], ended.data["reason"]) == ("idle", "idle-timeout")
        assert client.ask("GET", "/session/busy").json()["status"] == "RUNNING"
        assert "network_timeout" in client.ask("GET", "/session/busy").json()["idleChecks"]
