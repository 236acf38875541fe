"""What every request goes through: signature, version, parameters, errors, rates."""

import pytest

from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import Problem

PROBLEM = "application/problem+json"


def test_root_needs_nothing(shared, http):
    answer = http.get(shared.endpoint + "/")
    assert answer.json()["version"] == "v7.20230615"
    assert answer.headers["server"] == "BackendAI"
    assert answer.headers["x-ratelimit-limit"] == "1000"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/manager/announcement", {"enabled": False, "message": ""}),
        ("/config/resource-slots", {"cpu": "count", "mem": "bytes"}),
    ],
)
def test_public_routes(shared, http, path, expected):
    assert http.get(shared.endpoint + path).json() == expected


def test_unsigned_and_wrongly_signed(shared, http, client):
    unsigned = http.get(shared.endpoint + "/auth", headers={"Date": "2026-01-01T00:00:00Z"})
    assert (unsigned.status_code, unsigned.json()["msg"]) == (400, "Date/time sync error")
    headers = client.headers("GET", "/auth")
    del headers["Authorization"]
    missing = http.get(shared.endpoint + "/auth", headers=headers)
    assert (missing.status_code, missing.headers["content-type"]) == (401, PROBLEM)
    other = http.get(shared.endpoint + "/auth", headers=client.headers("GET", "/auth/role"))
    assert other.status_code == 401
    assert other.json()["type"].endswith("/auth-failed")


def test_unknown_key(shared, http, client):
    headers = client.headers("GET", "/auth")
    headers["Authorization"] = headers["Authorization"].replace(client.access_key, "AKIAUNKNOWN")
    assert http.get(shared.endpoint + "/auth", headers=headers).status_code == 401


def test_version_is_checked_before_anything_else(shared, http):
    answer = http.get(shared.endpoint + "/auth", headers={"X-BackendAI-Version": "v1.2"})
    assert (answer.status_code, answer.json()["msg"]) == (400, "Unsupported API version.")


def test_parameters_from_query_and_body(client):
    assert client.ask("GET", "/auth?echo=from%20query").json()["echo"] == "from query"
    body = client.ask("GET", "/auth?echo=query", json={"echo": "body"})
    assert body.json() == {"authorized": "yes", "echo": "body"}


def test_malformed_body(client):
    headers = {"Content-Type": "application/json"}
    for content in (b"{", b"[1]", b"\xff"):
        answer = client.ask("POST", "/auth", content=content, headers=headers)
        assert answer.status_code == 400
        assert "Malformed body" in answer.json()["msg"]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "url-not-found"),
        ("GET", "/auth/", 404, "url-not-found"),
        ("PUT", "/auth", 405, "method-not-allowed"),
        ("GET", "/session/nothing-here", 404, "object-not-found"),
        ("PATCH", "/session/nothing-here", 404, "object-not-found"),
    ],
)
def test_errors_are_problems(client, method, path, status, kind):
    answer = client.ask(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["type"] == f"https://api.backend.ai/probs/{kind}"
    assert answer.headers["server"] == "BackendAI"


def test_body_without_end_is_refused(client):
    headers = {"Content-Type": "application/json"}
    answer = client.ask("POST", "/auth", content=b" " * (17 << 20), headers=headers)
    assert (answer.status_code, answer.json()["msg"]) == (400, "Too large body")


def test_rate_figures_are_real(client):
    def remaining() -> int:
        answer = client.ask("GET", "/auth")
        assert answer.headers["x-ratelimit-window"] == "900"
        assert answer.headers["x-ratelimit-limit"] == "30000"
        return int(answer.headers["x-ratelimit-remaining"])

    assert remaining() == remaining() + 1


def test_roles(client, user):
    assert client.ask("GET", "/auth/role").json()["global_role"] == "superadmin"
    roles = {"global_role": "user", "domain_role": "user", "group_role": None}
    assert user.ask("GET", "/auth/role").json() == roles
    group = user.gql("{ groups { id } }")["data"]["groups"][0]["id"]
    roles["group_role"] = "user"
    assert user.ask("GET", f"/auth/role?group={group}").json() == roles


def test_resources(client):
    groups = client.ask("GET", "/scaling-groups?group=default").json()
    assert groups == {"scaling_groups": [{"name": "default"}]}
    before = client.ask("POST", "/resource/check-presets", json={}).json()
    client.create("occupant", config={"resources": {"cpu": 2}})
    after = client.ask("POST", "/resource/check-presets", json={}).json()
    client.ask("DELETE", "/session/occupant")
    assert int(after["keypair_using"]["cpu"]) == int(before["keypair_using"]["cpu"]) + 2
    assert {preset["name"] for preset in after["presets"]} >= {"small"}


def test_parameter_kinds():
    params = Params({"a": None, "n": "3", "t": "yes", "f": False, "one": "x", "many": ["x", "y"]})
    assert params.text("a", "one") == "x"
    assert params.integer("n", default=0) == 3
    assert params.boolean("t")
    assert not params.boolean("f", default=True)
    assert params.sequence("one") == ["x"]
    assert params.sequence("many") == ["x", "y"]
    for wrong in (
        lambda: params.integer("one", default=0),
        lambda: params.integer("n", default=0, minimum=4),
        lambda: params.boolean("one"),
        lambda: params.mapping("one"),
        lambda: params.text("many"),
        lambda: params.required("a"),
    ):
        with pytest.raises(Problem) as caught:
            wrong()
        assert caught.value.kind == "invalid-api-params"


def test_targets_are_signed_as_they_were_sent(client):
    answer = client.ask("GET", "/auth?echo=%E2%9C%93&x=a/b%2Fc+d")
    assert answer.json()["echo"] == "✓"
