"""Every operation of administration, tried by everybody: who may not do it changes nothing."""

import importlib
import pkgutil
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import frozen
from starlette.routing import Route

import atoll_cluster.api
from atoll_cluster.api.gql.schema import schema

NOBODY = "00000000-0000-0000-0000-000000000000"

MUTATIONS = Path(__file__).with_name("operations.txt").read_text().splitlines()
"""One after another: what one makes, later ones change and delete."""
FOR_DOMAIN_ADMINS = {"rescan_images"}
"""What admins of a domain may do although it is not in their domain."""
OF_FOLDERS = {"set_quota_scope", "unset_quota_scope"}
"""What is tested with the folders."""
IMPOSSIBLE = {"modify_image"}
"""What superadmins may do, but what cannot be done to anything here."""

ROUTES = [
    ("PUT", "/manager/status", {"status": "running"}),
    ("POST", "/manager/announcement", {"enabled": True, "message": "hi"}),
    ("POST", "/manager/scheduler/operation", {"op": "include-agents", "args": ["i-local"]}),
    ("POST", "/manager/scheduler/trigger", {"event": "schedule"}),
    ("GET", "/manager/scheduler/status", {}),
    ("GET", "/license", {}),
    ("POST", "/local/repair", {}),
    ("POST", "/config/set", {"key": "a/b", "value": "c"}),
    ("POST", "/config/get", {"key": "a/b"}),
    ("POST", "/config/delete", {"key": "a/b"}),
    ("GET", "/config/docker-registries", {}),
    ("GET", "/resource/container-registries", {}),
    ("POST", "/resource/recalculate-usage", {}),
    ("GET", "/resource/usage/month", {"month": "202601"}),
    ("GET", "/resource/usage/period", {"start_date": "20260101", "end_date": "20260102"}),
    ("GET", "/resource/stats/admin/month", {}),
    ("GET", "/resource/watcher", {"agent_id": "i-local"}),
    ("POST", "/resource/watcher/agent/start", {"agent_id": "i-local"}),
    ("POST", "/resource/watcher/agent/stop", {"agent_id": "i-local"}),
    ("POST", "/resource/watcher/agent/restart", {"agent_id": "i-local"}),
]


@frozen
class Places:
    """What the mutations above are about, looked up when they are run."""

    admin: object

    def fill(self, call: str) -> str:
        """Put ids into a call."""
        group = self._first('{ groups_by_name(name: "theirs") { id } }', "groups_by_name", "id")
        mine = self._first('{ groups_by_name(name: "default") { id } }', "groups_by_name", "id")
        query = '{ keypairs(email: "new@example.com") { access_key } }'
        keypair = self._first(query, "keypairs", "access_key")
        one = 'scaling_groups: ["spare"]' if "groups_with" in call else 'scaling_group: "spare"'
        ids = {"{group}": group, "{mine}": mine, "{keypair}": keypair, "{one}": one}
        for name, value in ids.items():
            call = call.replace(name, value)
        return call

    def _first(self, query: str, root: str, field: str) -> str:
        found = self.admin.gql(query)["data"][root]
        return found[-1][field] if found else NOBODY


def name_of(call: str) -> str:
    return call.partition("(")[0]


@pytest.mark.parametrize("call", MUTATIONS, ids=name_of)
def test_mutations_are_for_superadmins(people, mutate, unchanged, call):
    filled, name = Places(people["superadmin"]).fill(call), name_of(call)
    refusal = {"ok": False, "msg": f"no permission to execute {name}"}
    for role in ("user", "domain admin"):
        if role == "domain admin" and name in FOR_DOMAIN_ADMINS:
            continue
        with unchanged():
            told = people[role].gql(f"mutation {{ {filled} {{ ok msg }} }}")
        assert told["data"] == {name: refusal}
    assert mutate(people["superadmin"], filled)["ok"] == (name not in IMPOSSIBLE)


def test_every_mutation_is_in_the_table():
    found = {name_of(call) for call in MUTATIONS}
    assert found | OF_FOLDERS == set(schema().mutation_type.fields)


def test_domain_admins_manage_the_groups_of_the_domain(people, mutate, unchanged):
    chief, name = people["domain admin"], f"group-{uuid4().hex[:6]}"
    made = mutate(
        chief, f'create_group(name: "{name}", props: {{domain_name: "default"}})', "ok group { id }"
    )
    gid = made["group"]["id"]
    assert mutate(chief, f'modify_group(gid: "{gid}", props: {{description: "ours"}})')["ok"]
    with unchanged():
        for role in ("delete", "purge"):
            assert not mutate(people["user"], f'{role}_group(gid: "{gid}")')["ok"]
    assert mutate(chief, f'delete_group(gid: "{gid}")')["ok"]
    assert mutate(chief, f'purge_group(gid: "{gid}")')["ok"]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_routes_are_for_superadmins(people, unchanged, method, path, body):
    for role in ("user", "domain admin"):
        with unchanged():
            answer = people[role].ask(method, path, json=body)
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("/generic-forbidden")
    assert people["superadmin"].ask(method, path, json=body).status_code in {200, 204}


def test_every_route_for_superadmins_is_in_the_table(people):
    found = set()
    for method, path in every_route():
        answer = people["user"].ask(method, path.replace("{", "").replace("}", ""))
        if answer.status_code == 403 and "superadmin privilege" in answer.text:
            found.add((method, path))
    assert found == {(method, path) for method, path, _ in ROUTES}


def every_route():
    """Yield methods and paths of all route tables; streams of events never end."""
    for module in pkgutil.walk_packages(atoll_cluster.api.__path__, "atoll_cluster.api."):
        for route in getattr(importlib.import_module(module.name), "ROUTES", ()):
            if isinstance(route, Route) and not route.path.startswith("/events"):
                yield from ((method, route.path) for method in route.methods - {"HEAD"})


@pytest.mark.parametrize(
    "query",
    [
        "{ agents { id } }",
        "{ agent_list(limit: 1, offset: 0) { total_count } }",
        '{ agent(agent_id: "i-local") { id } }',
        "{ domains { name } }",
        "{ scaling_groups { name } }",
        '{ scaling_groups_for_domain(domain: "default") { name } }',
        '{ storage_volume(id: "local:volume1") { id } }',
        "{ storage_volume_list(limit: 1, offset: 0) { total_count } }",
        '{ users(domain_name: "there") { email } }',
        '{ groups(domain_name: "there") { name } }',
        '{ keypair_list(limit: 1, offset: 0, domain_name: "there") { total_count } }',
        '{ user_list(limit: 1, offset: 0, domain_name: "there") { total_count } }',
    ],
)
def test_queries_for_superadmins(people, query):
    for role in ("user", "domain admin"):
        error = people[role].gql(query)["errors"][0]
        assert error["message"].startswith("Forbidden operation.")
        assert error["extensions"] == {"code": "backendai_generic_forbidden"}
    assert "errors" not in people["superadmin"].gql(query)


def test_which_users_each_role_can_see(people):
    query = "{ user_list(limit: 100, offset: 0) { items { email domain_name } } }"
    assert people["user"].gql(query)["errors"][0]["message"].startswith("Forbidden")
    for role in ("superadmin", "domain admin"):
        found = people[role].gql(query)["data"]["user_list"]["items"]
        assert {"admin@atoll.local", "user@atoll.local"} <= {one["email"] for one in found}
    other = '{ user(email: "admin@atoll.local") { email } }'
    assert people["user"].gql(other)["errors"][0]["message"].startswith("Forbidden")
    assert "errors" not in people["domain admin"].gql(other)


def test_admins_of_a_domain_never_see_the_keys_of_superadmins(people):
    query = "{ keypair_list(limit: 100, offset: 0) { items { user_id secret_key } } }"
    seen = people["domain admin"].gql(query)["data"]["keypair_list"]["items"]
    assert "user@atoll.local" in {one["user_id"] for one in seen}
    assert "admin@atoll.local" not in {one["user_id"] for one in seen}
    own = people["user"].gql(query)["data"]["keypair_list"]["items"]
    assert {one["user_id"] for one in own} == {"user@atoll.local"}
