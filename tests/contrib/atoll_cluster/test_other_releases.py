"""What clients of other releases ask for: in the shapes that they read, or told to be missing."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from atoll_cluster.api.request.unsupported import ROOTS, ROUTES

PAGE = Path(__file__).parents[3] / "docs" / "local.md"
NOBODY = "00000000-0000-0000-0000-000000000000"
EMPTY = {"/services", "/image/import"}
ENDPOINT = "endpoint_id image_object { name } resource_slots url model created_user_email replicas"
LISTS = {
    "endpoint_list": f"{ENDPOINT} desired_session_count routings {{ routing_id }} status",
    "routing_list": "routing_id endpoint session status traffic_ratio",
    "endpoint_token_list": "token endpoint_id valid_until",
}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/services", []),
        ("/services?name=model", []),
        ("/services/_/runtimes", {"runtimes": []}),
        ("/image/import", {"fieldGroups": []}),
    ],
)
def test_missing_features_are_refused(user, path, answer):
    assert user.ask("GET", path).json() == answer


@pytest.mark.parametrize(("root", "fields"), LISTS.items())
def test_lists_of_models_served_are_empty(user, root, fields):
    found = user.gql(f"{{ {root}(limit: 9, offset: 0) {{ items {{ {fields} }} total_count }} }}")
    assert found == {"data": {root: {"items": [], "total_count": 0}}}


def test_missing_entities_are_not_found(user):
    answer = user.ask("GET", f"/services/{NOBODY}")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (
        404,
        "object-not-found",
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ROUTES if path not in EMPTY),
        *(("POST", path) for path in ROUTES),
        ("POST", "/v2/sessions/search"),
        ("DELETE", f"/services/{NOBODY}"),
        ("POST", "/admin/users/search"),
    ],
)
def test_a_route_that_is_missing_says_so(user, method, path):
    answer = user.ask(method, path)
    told = answer.json()
    assert (answer.status_code, told["type"].rpartition("/")[2]) == (501, "not-implemented")
    assert told["msg"].startswith("the embedded cluster does not have ")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_route_that_nobody_has_is_unknown(user):
    for path in ("/v20", "/nowhere", "/servicesX", "/session/x/y/z"):
        assert user.ask("GET", path).json()["type"].endswith("url-not-found")


@pytest.mark.parametrize(
    "query",
    [
        "{ networks { edges { node { name } } } }",
        "{ container_registries { id } }",
        "{ audit_log_nodes { count } }",
        "{ domain_nodes { count } }",
        'mutation { create_network(name: "x") { ok } }',
        'mutation { delete_endpoint_auto_scaling_rule_node(id: "x") { ok } }',
    ],
)
def test_a_root_that_is_missing_says_so(user, query):
    (error,) = user.gql(query)["errors"]
    assert error["message"].startswith("the embedded cluster does not have ")


def test_a_root_that_nobody_has_is_unknown(user):
    (error,) = user.gql("{ nothing { id } }")["errors"]
    assert error["message"].startswith("Cannot query field 'nothing'")


def test_the_page_lists_all_missing_features():
    page = PAGE.read_text()
    missing = {what.partition(" (")[0] for what in (*ROUTES.values(), *ROOTS.values())}
    assert [what for what in missing if what not in page] == []


@pytest.fixture(scope="module")
def used(shared, http):
    """The group that a session has run in."""
    client = shared.client(http)
    client.create("using")
    client.run("using", "sum(range(10**7))")
    client.ask("DELETE", "/session/using")
    (group,) = client.gql("{ groups { id name } }")["data"]["groups"]
    return group


def test_usage_of_a_month(client, used):
    month = f"{datetime.now(UTC):%Y%m}"
    asked = [
        {"params": {"month": month}},
        {"params": {"month": month, "group_ids": ""}},
        {"params": {"month": month, "group_ids": f"{NOBODY},{used['id']}"}},
        {"json": {"month": month, "group_ids": [used["id"]]}},
    ]
    for how in asked:
        (group,) = client.ask("GET", "/resource/usage/month", **how).json()
        assert (group["g_id"], group["g_name"]) == (used["id"], used["name"])
        assert 1 < group["g_cpu_used"] < 60_000, "milliseconds"
    nothing = client.ask("GET", "/resource/usage/month", params={**asked[0]["params"],
                         "group_ids": NOBODY})  # fmt: skip
    assert nothing.json() == []


def test_usage_of_a_period_is_told_in_both_shapes(client, used):
    day = f"{datetime.now(UTC):%Y%m%d}"
    for name in ("group_id", "project_id"):
        params = {name: used["id"], "start_date": day, "end_date": day}
        (group,) = client.ask("GET", "/resource/usage/period", params=params).json()
        run = next(one for one in group["c_infos"] if one["name"] == "using")
        session = group["sessions"][run["session_id"]]
        assert (group["project_id"], group["project_name"]) == (group["g_id"], group["g_name"])
        assert group["total_usage"]["cpu_used"] == group["g_cpu_used"]
        assert session["total_usage"]["cpu_used"] == run["cpu_used"]
        assert (session["session_name"], list(session["kernels"])) == ("using", [run["id"]])


def test_a_session_that_runs_ends_at_a_text(client, used):
    client.create("going")
    params = {"month": f"{datetime.now(UTC):%Y%m}"}
    (group,) = client.ask("GET", "/resource/usage/month", params=params).json()
    (run,) = [one for one in group["c_infos"] if one["name"] == "going"]
    assert run["terminated_at"] == "None"
    client.ask("DELETE", "/session/going")


def test_mounting_a_host(client):
    for method in ("POST", "DELETE"):
        answer = client.ask(method, "/folders/_/mounts", json={"name": "x", "fs_location": "y"})
        told = answer.json()
        assert (answer.status_code, told["agents"]) == (200, {})
        assert (told["manager"]["success"], "itself" in told["manager"]["message"]) == (False, True)
    volumes = client.ask("GET", "/folders/_/mounts").json()["storage-proxy"]["mounts"]
    assert [name for name, _ in volumes] == ["local:volume1"]


def test_options_of_the_scheduler_are_never_missing(client):
    def options(name):
        query = "query($n: String) { scaling_group(name: $n) { scheduler_opts } }"
        return json.loads(client.gql(query, n=name)["data"]["scaling_group"]["scheduler_opts"])

    usual = options("default")
    assert usual["allowed_session_types"] == ["interactive", "batch"]
    props = '{driver: "static", scheduler: "fifo", scheduler_opts: "{\\"pending_timeout\\": 7}"}'
    client.gql(f'mutation {{ create_scaling_group(name: "patient", props: {props}) {{ ok }} }}')
    assert options("patient") == usual | {"pending_timeout": 7}


def test_accounts_come_the_newest_first(client):
    for root in ("user_list", "keypair_list"):
        query = f"{{ {root}(limit: 9, offset: 0) {{ items {{ created_at }} }} }}"
        times = [one["created_at"] for one in client.gql(query)["data"][root]["items"]]
        assert times == sorted(times, reverse=True)
        assert len(times) > 1


@pytest.mark.parametrize("key", ["config//plugins", "//", "a//b", "nowhere"])
def test_configuration_of_which_there_is_none(client, key):
    for prefix, nothing in ((True, {}), (False, None)):
        asked = {"key": f"x{key}", "prefix": prefix}
        assert client.ask("POST", "/config/get", json=asked).json() == {"result": nothing}


@pytest.mark.parametrize("name", ["a", "ab", "a_b", "x" * 64])
def test_short_names_and_long_ones(client, name):
    created = client.create(name, enqueueOnly=True)
    assert created["sessionName"] == name
    again = {"name": name, "image": "python", "reuseIfExists": False}
    refused = client.ask("POST", "/session", json=again).json()
    assert refused["data"] == {"existingSessionId": created["sessionId"]}
    client.ask("DELETE", f"/session/{name}?forced=true")


@pytest.mark.parametrize("name", ["", "-", "a-", ".a", "x" * 65, "a b"])
def test_invalid_names_are_refused(client, name):
    assert client.ask("POST", "/session", json={"name": name, "image": "python"}).status_code == 400


def test_a_stopped_agent_is_seen_by_who_waits(client):
    client.ask("POST", "/resource/watcher/agent/stop", json={"agent_id": "i-local"})
    waiting = client.create("waiting", maxWaitSeconds=1)
    told = client.ask("GET", "/session/waiting").json()["statusInfo"]
    assert (waiting["status"], "agent i-local is stopped" in told) == ("TIMEOUT", True)
    client.ask("POST", "/resource/watcher/agent/start", json={"agent_id": "i-local"})
    assert client.create("behind")["status"] == "RUNNING"
    assert client.ask("GET", "/session/waiting").json()["status"] != "PENDING"
    for name in ("waiting", "behind"):
        client.ask("DELETE", f"/session/{name}")
