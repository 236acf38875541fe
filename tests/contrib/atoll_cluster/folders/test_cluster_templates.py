"""Templates of clusters: kept in every spelling, and what is wrong with them."""

import json
from uuid import uuid4

import pytest
import yaml

PATH = "/template/cluster"
SESSION = str(uuid4())
TEMPLATE = f"""
apiVersion: v1
kind: clusterTemplate
mode: multi-node
metadata:
  name: pair
spec:
  environ:
    DEBUG: yes
  mounts:
  nodes:
  - role: main
    sessionTemplate: {SESSION.replace("-", "")}
  - role: worker
    session_template: {SESSION}
    replicas: 3
"""
KEPT = {
    "api_version": "v1",
    "kind": "clusterTemplate",
    "mode": "multi-node",
    "metadata": {"name": "pair"},
    "spec": {
        "environ": {"DEBUG": "yes"},
        "mounts": {},
        "nodes": [
            {"role": "main", "session_template": SESSION, "replicas": 1},
            {"role": "worker", "session_template": SESSION, "replicas": 3},
        ],
    },
}


@pytest.fixture
def template_id(client):
    """A template that is kept."""
    made = client.ask("POST", PATH, json={"payload": TEMPLATE})
    assert made.status_code == 200, made.text
    return made.json()["id"]


def test_it_is_shown_as_yaml_and_as_json(client, template_id):
    shown = client.ask("GET", f"{PATH}/{template_id}")
    assert shown.headers["content-type"].startswith("text/yaml")
    assert yaml.safe_load(shown.text) == KEPT
    assert client.ask("GET", f"{PATH}/{template_id}?format=json").json() == KEPT
    assert client.ask("GET", f"{PATH}/{template_id}?format=xml").status_code == 400


def test_it_is_listed_apart_from_templates_of_sessions(client, template_id):
    listed = {one["id"]: one for one in client.ask("GET", PATH).json()}
    one = listed[template_id]
    assert (one["name"], one["type"], one["is_owner"]) == ("pair", "user", True)
    assert "template" not in one
    others = client.ask("GET", "/template/session").json()
    assert template_id not in [one["id"] for one in others]
    assert client.ask("GET", f"/template/session/{template_id}").json() == {}


def test_it_is_changed_and_deleted(client, template_id):
    changed = TEMPLATE.replace("pair", "trio")
    path = f"{PATH}/{template_id}"
    assert client.ask("PUT", path, json={"payload": changed}).json() == {"success": True}
    shown = client.ask("GET", f"{path}?format=json").json()
    assert shown["metadata"]["name"] == "trio"
    assert client.ask("DELETE", path).json() == {"success": True}
    for method in ("GET", "DELETE"):
        assert client.ask(method, path).status_code == 404


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("clusterTemplate", "taskTemplate"), "template.kind"),
        (("multi-node", "many"), "template.mode"),
        (("name: pair", "name:"), "template.metadata.name"),
        (("role: worker", "role: main"), "template.spec.nodes"),
        (("role: main", "role: boss"), "template.spec.nodes"),
        (("replicas: 3", "replicas: 0"), "template.spec.nodes.1.replicas"),
        (("replicas: 3", "replicas: many"), "template.spec.nodes.1.replicas"),
        ((f"session_template: {SESSION}", "session_template: x"), "nodes.1.session_template"),
        (("  nodes:", "  knots:"), "template.spec.nodes"),
        (("\nspec:", "\n---\nspec:"), ""),
    ],
)
def test_mistakes_are_reported(client, change, where):
    assert change[0] in TEMPLATE
    answer = client.ask("POST", PATH, json={"payload": TEMPLATE.replace(*change)})
    assert answer.status_code == 400
    assert where in json.dumps(answer.json())


def test_cluster_templates_start_nothing(client, template_id):
    answer = client.ask("POST", "/session/_/create-cluster", json={"template_id": template_id})
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (
        501,
        "not-implemented",
    )
