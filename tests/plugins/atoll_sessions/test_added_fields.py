"""Fields that plugins add to sessions, as `ps` and `info` show them."""

import json
import sys
from types import SimpleNamespace

import pytest

import atoll_sessions
from atoll import Profile, hookimpl
from atoll._paths import Paths
from atoll._profiles import ProfileStore
from atoll_sessions.hooks import SessionField

ID = "0c2e8a52-96b4-4a9f-8a3c-1f8d4d5a7a11"
SESSION = {
    "id": ID,
    "name": "exp",
    "status": "TERMINATED",
    "access_key": "",
    "type": "batch",
    "result": "failure",
    "tag": "first",
    "status_data": json.dumps({"kernel": {"exit_code": 3}}),
}


def value(session) -> str:
    """Make a text of a field that was asked for."""
    return f"{session.name}/{session.tag}"


def broken(_session) -> None:
    """Fail."""
    raise SystemExit(9)


def plugin(*fields: SessionField) -> SimpleNamespace:
    return SimpleNamespace(atoll_session_fields=hookimpl(lambda: fields))


@pytest.fixture
async def cluster(serve, answer, shell):
    """A cluster with one session, and a shell that faces it."""
    asked: list[str] = []

    async def handle(seen, stream):
        body = b'{"version": "v6.20220615", "manager": "22.09"}'
        if "gql" in seen.target or "graphql" in seen.target:
            asked.append(json.loads(seen.body)["query"])
            one = {"compute_session": SESSION}
            all_ = {"compute_session_list": {"items": [SESSION], "total_count": 1}}
            told = all_ if "compute_session_list" in asked[-1] else one
            body = json.dumps({"data": told}).encode()
        await stream.send_all(answer(body))
        return True

    import atoll_rest

    async with serve(handle) as server:
        paths = Paths.from_environment({"ATOLL_HOME": str(shell.home)})
        ProfileStore(paths).save(
            Profile(name="lab", endpoint=server.url, access_key="AK", secret_key="SK")
        )
        shell.add(atoll_sessions, "sessions")
        shell.add(atoll_rest, "rest")
        yield SimpleNamespace(shell=shell, asked=asked)


HERE = "test_added_fields"


async def test_ps_and_info_show_fields_that_plugins_add(cluster, monkeypatch):
    """What they need is asked for, with the rest."""
    monkeypatch.setitem(sys.modules, HERE, SimpleNamespace(value=value))
    cluster.shell.add(plugin(SessionField("label", "Label", f"{HERE}:value", ("name", "tag"))))

    listed = await cluster.shell.run("ps --dead -f name,label,exit_code --output jsonl")
    assert listed.stderr == ""
    assert json.loads(listed.stdout) == {"name": "exp", "label": "exp/first", "exit_code": 3}
    assert "tag" in cluster.asked[-1]

    shown = await cluster.shell.run(f"info {ID} --output json")
    assert json.loads(shown.stdout)["label"] == "exp/first"


async def test_a_field_that_fails_costs_one_line(cluster, monkeypatch):
    """The others are shown, and its own stays empty."""
    monkeypatch.setitem(sys.modules, HERE, SimpleNamespace(broken=broken))
    cluster.shell.add(plugin(SessionField("label", "Label", f"{HERE}:broken", usual=False)))

    listed = await cluster.shell.run("ps --dead -f name,label --output jsonl")
    assert listed.code == 0
    assert json.loads(listed.stdout) == {"name": "exp", "label": None}
    (line,) = listed.stderr.splitlines()
    assert "plugin 'tested'" in line
    assert "its session field 'label' raised SystemExit: 9" in line


async def test_a_field_of_sessions_own_is_not_replaced(cluster):
    cluster.shell.add(plugin(SessionField("status", "Mine", f"{HERE}:value")))

    listed = await cluster.shell.run("ps --dead -f status --output jsonl")
    assert json.loads(listed.stdout) == {"status": "TERMINATED"}
    assert "sessions have a field 'status' already" in listed.stderr
