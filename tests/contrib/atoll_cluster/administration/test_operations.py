"""Running the cluster: freezing it, announcements, settings, images, reports, what went wrong."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest


@pytest.fixture
def frozen(client):
    """Freeze the manager for the test."""
    assert client.ask("PUT", "/manager/status", json={"status": "frozen"}).status_code == 204
    yield
    assert client.ask("PUT", "/manager/status", json={"status": "running"}).status_code == 204


@pytest.fixture
def running(client):
    """Run a session for the test; gives its name."""
    name = f"oper-{uuid4().hex[:8]}"
    client.create(name)
    yield name
    client.ask("DELETE", f"/session/{name}", params={"forced": "true"})


def test_a_frozen_manager_starts_nothing(client, user, running, frozen, mutate):
    assert client.ask("GET", "/manager/status").json()["status"] == "frozen"
    answer = user.ask("POST", "/session", json={"name": "frozen-out", "image": "python"})
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/server-frozen")
    assert user.ask("POST", "/folders", json={"name": "frozen-out"}).status_code == 503
    refused = client.gql('mutation { delete_domain(name: "default") { ok } }')
    assert refused["data"] == {"delete_domain": None}
    assert "frozen" in refused["errors"][0]["message"]
    # What runs goes on, and may be looked at and ended.
    assert client.console(client.run(running, "print(6 * 7)")) == "42\n"
    assert client.ask("DELETE", f"/session/{running}").status_code == 200


def test_freezing_can_end_running_sessions(client, running):
    with client.events(f"?name={running}") as events:
        body = {"status": "frozen", "force_kill": True}
        assert client.ask("PUT", "/manager/status", json=body).status_code == 204
        assert any(one.name == "session_terminated" for one in events)
    client.ask("PUT", "/manager/status", json={"status": "running"})
    wrong = client.ask("PUT", "/manager/status", json={"status": "tired"})
    assert wrong.status_code == 400


def test_announcements_are_for_everybody(client, user):
    path = "/manager/announcement"
    assert (
        client.ask("POST", path, json={"enabled": True, "message": "back at 5"}).status_code == 204
    )
    assert user.http.get(client.endpoint + path).json() == {"enabled": True, "message": "back at 5"}
    assert client.ask("POST", path, json={"enabled": True}).status_code == 400
    assert client.ask("POST", path, json={"enabled": False}).status_code == 204
    assert user.http.get(client.endpoint + path).json() == {"enabled": False, "message": ""}


def test_settings_are_a_tree(client):
    def ask(verb, **body):
        return client.ask("POST", f"/config/{verb}", json=body).json().get("result")

    assert ask("set", key="plant/root", value="deep") == "ok"
    assert ask("set", key="plant", value={"leaf": "green", "stem": {"bark": "brown"}}) == "ok"
    assert ask("set", key="plant/stem", value="tall") == "ok"
    assert ask("set", key="plants", value="another") == "ok"
    assert ask("get", key="plant/leaf") == "green"
    assert ask("get", key="plant") is None
    tree = {"root": "deep", "leaf": "green", "stem": {"": "tall", "bark": "brown"}}
    assert ask("get", key="plant", prefix=True) == tree
    assert ask("delete", key="plant/stem") == "ok"
    assert ask("get", key="plant", prefix=True) == {**tree, "stem": {"bark": "brown"}}
    assert ask("delete", key="plant", prefix=True) == "ok"
    assert ask("get", key="plant", prefix=True) == {}
    assert ask("get", key="plants") == "another"


@pytest.mark.parametrize(
    "body",
    [
        {"value": "x"},
        {"key": "a"},
        {"key": "a//b", "value": "x"},
        {"key": "a", "value": {}},
        {"key": "a", "value": [1]},
        {"key": "a", "value": {str(n): "x" for n in range(17)}},
    ],
)
def test_invalid_settings_are_refused(client, unchanged, body):
    with unchanged():
        assert client.ask("POST", "/config/set", json=body).status_code == 400


def test_error_logs_are_visible_to_administrators_of_their_users(client, make_user):
    writer, other = make_user(), make_user()
    log = {
        "severity": "error",
        "source": "shell",
        "message": f"it broke {uuid4().hex}",
        "context_lang": "python",
        "context_env": "{}",
        "traceback": "line 1",
    }
    assert writer.ask("POST", "/logs/error", json=log).json() == {"success": True}

    def logs(who, **params):
        found = who.ask("GET", "/logs/error", params={"page_size": "5", **params}).json()["logs"]
        return [one for one in found if one["message"] == log["message"]]

    (own,), none, (seen,) = logs(writer, mark_read="True"), logs(other), logs(client)
    assert none == []
    assert own["severity"] == "error"
    assert (own["is_read"], seen["is_read"], seen["is_cleared"]) == (False, True, False)
    clear = f"/logs/error/{own['log_id']}/clear"
    assert other.ask("POST", clear).status_code == 404
    assert writer.ask("POST", clear).json() == {"success": True}
    assert logs(writer) == []
    assert logs(client)[0]["is_cleared"]
    assert writer.ask("POST", "/logs/error", json={**log, "severity": "bad"}).status_code == 400


def test_aliases_resolve_to_images_until_they_are_removed(client, make_user, mutate):
    user, name = make_user(), f"oper-{uuid4().hex[:8]}"
    assert mutate(client, 'alias_image(alias: "our/shell:1", target: "bash")')["ok"]
    made = user.create(name, image="our/shell:1")
    assert made["servedBy"].startswith("bash:")
    assert made["servedExactly"]
    user.ask("DELETE", f"/session/{name}")
    assert mutate(client, 'dealias_image(alias: "our/shell:1")')["ok"]
    gone = user.ask("POST", "/session", json={"name": name, "image": "our/shell:1"})
    assert gone.status_code == 404


def test_forgotten_images_come_back_with_the_next_scan(client, mutate):
    def names():
        return {one["name"] for one in client.gql("{ images { name } }")["data"]["images"]}

    forget = 'forget_image(reference: "bash", architecture: "x86_64")'
    assert mutate(client, forget)["ok"]
    assert "bash" not in names()
    wanted = {"name": "forgotten", "image": "bash"}
    assert "was forgotten" in client.ask("POST", "/session", json=wanted).json()["msg"]
    task = mutate(client, "rescan_images", "ok task_id")["task_id"]
    path = f"/events/background-task?task_id={task}"
    headers = client.headers("GET", path)
    with client.http.stream("GET", client.endpoint + path, headers=headers) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("event:")]
    assert lines[-2:] == ["event: bgtask_done", "event: server_close"]
    assert "bash" in names()


def test_events_of_background_tasks_are_visible_only_to_their_owner(client, user, mutate):
    task = mutate(client, "rescan_images", "task_id")["task_id"]
    assert user.ask("GET", f"/events/background-task?task_id={task}").status_code == 404


def test_usage_is_reported(client, running):
    client.run(running, "sum(range(10**6))")
    now = datetime.now(UTC)
    for path, params in (
        ("/resource/usage/month", {"month": now.strftime("%Y%m")}),
        ("/resource/usage/period", {"start_date": f"{now:%Y%m%d}", "end_date": f"{now:%Y%m%d}"}),
    ):
        (group,) = client.ask("GET", path, params=params).json()
        assert group["g_name"] == "default"
        assert group["g_cpu_allocated"] >= 1
        assert running in {one["name"] for one in group["c_infos"]}
    too_long = {"start_date": "20250101", "end_date": "20260101"}
    assert client.ask("GET", "/resource/usage/period", params=too_long).status_code == 400
    assert client.ask("GET", "/resource/usage/month", params={"month": "x"}).status_code == 400


def test_figures_of_a_month(client, make_user):
    user, name = make_user(), f"oper-{uuid4().hex[:8]}"

    def counts(who, path):
        points = who.ask("GET", f"/resource/stats/{path}/month").json()
        assert len(points) == 2880
        return [one["num_sessions"]["value"] for one in points]

    assert set(counts(user, "user")) == {0.0}
    before = counts(client, "admin")[-1]
    user.create(name)
    assert counts(user, "user")[-2:] == [0.0, 1.0]
    assert counts(client, "admin")[-1] == before + 1
    user.ask("DELETE", f"/session/{name}", params={"forced": "true"})


def test_presets_come_from_administrators(client, user, mutate):
    made = 'create_resource_preset(name: "tiny", props: {resource_slots: "{\\"cpu\\": 1}"})'
    assert mutate(client, made)["ok"]
    rename = 'modify_resource_preset(name: "tiny", props: {name: "wee", shared_memory: "64m"})'
    assert mutate(client, rename)["ok"]
    found = user.ask("GET", "/resource/presets").json()["presets"]
    (wee,) = [one for one in found if one["name"] == "wee"]
    assert (wee["resource_slots"], wee["shared_memory"]) == ({"cpu": "1"}, "67108864")
    assert mutate(client, 'delete_resource_preset(name: "wee")')["ok"]


def test_the_watcher_stops_and_starts_the_agent(client):
    def agent(verb):
        return client.ask("POST", f"/resource/watcher/agent/{verb}", json={"agent_id": "i-local"})

    def status():
        return client.ask("GET", "/resource/watcher?agent_id=i-local").json()["agent-status"]

    assert "stopped" in agent("stop").json()["message"]
    assert status() == "inactive"
    assert agent("start").status_code == 200
    assert status() == "active"
    assert client.ask("GET", "/resource/watcher?agent_id=other").status_code == 404


def test_settings_survive_a_restart_of_the_program(program, http, mutate):
    client = program.start().client(http)
    assert mutate(client, 'create_domain(name: "kept", props: {})')["ok"]
    client.ask("PUT", "/manager/status", json={"status": "frozen"})
    program.end()
    client = program.start().client(http)
    assert client.ask("GET", "/manager/status").json()["status"] == "frozen"
    names = [one["name"] for one in client.gql("{ domains { name } }")["data"]["domains"]]
    assert names == ["default", "kept"]
