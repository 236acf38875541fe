"""Sessions that wait for others: graphs of any shape are told and ended each session once."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from attrs import evolve

from atoll_cluster.api.sessions.dependencies import graph_of, with_dependents
from atoll_cluster.store.database import Database
from atoll_cluster.store.records import Session
from atoll_cluster.store.sessions import Sessions

AT = "2026-01-01T00:00:00.000000+00:00"
SOON = 2.0


def nodes(graph) -> Iterator[dict]:
    below = [graph]
    for node in below:
        yield node
        below.extend(node["depends_on"])


def depth(graph):
    level, found = [graph], 0
    while level:
        level, found = [one for node in level for one in node["depends_on"]], found + 1
    return found


def layers(count, width):
    """Return dependencies by name: each of a layer waits for all of the one before."""
    return {
        f"s{layer}-{one}": [f"s{layer - 1}-{other}" for other in range(width)] if layer else []
        for layer in range(count)
        for one in range(width)
    }


SHAPES = {
    "layers": (layers(20, 2), "s19-0", 39),
    "wide layers": (layers(5, 30), "s4-0", 121),
    "a long chain": (layers(3000, 1), "s2999-0", 3000),
    "a star": ({"hub": [f"spoke{n}" for n in range(500)]}, "hub", 501),
    "itself": ({"self": ["self"]}, "self", 1),
    "a ring": ({f"r{n}": [f"r{(n + 1) % 50}"] for n in range(50)}, "r0", 50),
    "named twice": ({"a": ["b", "b"], "b": []}, "a", 2),
    "one that is gone": ({"a": ["gone", "b"], "b": []}, "a", 2),
}


@pytest.fixture
def sessions(tmp_path):
    db = Database(tmp_path / "store.sqlite3")
    db.execute("PRAGMA foreign_keys=OFF")
    yield Sessions(db)
    db.close()


def fill(sessions, shape):
    """Write sessions that wait for each other; returns them by name."""
    names = {*shape, *(other for others in shape.values() for other in others)} - {"gone"}
    usual = Session(
        id="", name="", image="i", asked_image="i", access_key="k", user_uuid="u", group_id="g",
        status_changed=AT, created_at=AT,
    )  # fmt: skip
    made = {
        name: evolve(usual, id=name, name=name, dependencies=shape.get(name, [])) for name in names
    }
    with sessions.db.transaction():
        for session in made.values():
            sessions.add(session, [])
    return made


@pytest.mark.parametrize("name", SHAPES)
def test_a_graph_has_each_session_once_and_a_limited_depth(sessions, name):
    shape, root, count = SHAPES[name]
    made = fill(sessions, shape)
    begin = time.monotonic()
    graph = graph_of(sessions, made[root])
    assert time.monotonic() - begin < SOON
    told = [node["session_id"] for node in nodes(graph)]
    assert (len(told), len(set(told))) == (count, count)
    assert depth(graph) <= 41
    assert all(node["dependency_ids"] == shape.get(node["session_id"], []) for node in nodes(graph))


@pytest.mark.parametrize("name", SHAPES)
def test_dependents_are_found_once_each(sessions, name):
    shape, root, _ = SHAPES[name]
    made = fill(sessions, shape)
    begin = time.monotonic()
    for session in (made[root], made[next(iter(shape))]):
        found = with_dependents(made.values(), session)
        assert len(found) == len({one.id for one in found})
    assert time.monotonic() - begin < SOON


def test_forty_sessions_in_layers_are_shown_and_ended_quickly(shared, client):
    later = {"type": "batch", "startupCommand": "true", "enqueueOnly": True}
    for name, dependencies in layers(20, 2).items():
        begin = {} if dependencies else {"startsAt": "+2d"}
        client.create(f"layer-{name}", dependencies=[f"layer-{d}" for d in dependencies],
                      **later, **begin)  # fmt: skip
    begin = time.monotonic()
    graph = client.ask("GET", "/session/layer-s19-0/dependency-graph").json()
    assert len(list(nodes(graph))) == 39
    ended = client.ask("DELETE", "/session/layer-s0-0?recursive=true").json()
    assert [one["status"] for one in ended] == ["cancelled"] * 39
    assert time.monotonic() - begin < SOON
    assert client.ask("DELETE", "/session/layer-s0-1?recursive=true").json() == [
        {"version": 2, "status": "cancelled"}
    ]


def test_sessions_that_wait_for_each_other_are_ended_too(program, http):
    client = program.start().client(http)
    later = {"type": "batch", "startupCommand": "true", "enqueueOnly": True, "startsAt": "+2d"}
    ids = [client.create(name, **later)["sessionId"] for name in ("ring-a", "ring-b", "self")]
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database, database:
        for one, other in ((0, 1), (1, 0), (2, 2)):
            sql = "UPDATE sessions SET dependencies = json_array(?) WHERE id = ?"
            database.execute(sql, (ids[other], ids[one]))
    for name, count in (("ring-a", 2), ("self", 1)):
        graph = client.ask("GET", f"/session/{name}/dependency-graph").json()
        assert len(list(nodes(graph))) == count
        ended = client.ask("DELETE", f"/session/{name}?recursive=true").json()
        assert [one["status"] for one in ended] == ["cancelled"] * count


def test_a_key_of_too_many_names_is_refused(client):
    body = {"key": "/".join("x" * 2000), "value": "1"}
    assert client.ask("POST", "/config/set", json=body).status_code == 400
    for value in ({"/".join("x" * 2000): "1"}, {"/".join("x" * 20): {"/".join("y" * 20): "1"}}):
        body = {"key": "a", "value": value}
        assert client.ask("POST", "/config/set", json=body).status_code == 400
