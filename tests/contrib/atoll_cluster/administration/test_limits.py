"""Each limit exceeded once: whoever does it is told which limit that is; what fits goes on."""

import json
from uuid import uuid4

import pytest


def refused(client, **body):
    """Ask for a session that must be refused for want of quota; returns what is said."""
    name = f"limit-{uuid4().hex[:8]}"
    answer = client.ask("POST", "/session", json={"name": name, "image": "python", **body})
    assert answer.status_code == 412, answer.text
    assert answer.json()["type"].endswith("/quota-exceeded")
    return answer.json()["msg"]


def slots(**amounts):
    """Write a JSONString as GraphQL reads it."""
    return json.dumps(json.dumps(amounts))


def wish(client, **config):
    """Ask for a session without waiting for it; returns its name."""
    name = f"limit-{uuid4().hex[:8]}"
    config = {"resources": {"cpu": 1, "mem": "256m"}, **config}
    client.create(name, config=config, enqueueOnly=True)
    return name


def starts(client, name, cause):
    """Wait until a session has started because of what `cause` did."""
    with client.events(f"?name={name}") as events:
        cause()
        return any(one.name == "session_started" for one in events)


def told(client, name):
    """Return status and status info of a session."""
    query = """query($filter: String) {
        compute_session_list(limit: 1, offset: 0, filter: $filter) { items { status status_info } }
    }"""
    found = client.gql(query, filter=f'name == "{name}"')["data"]["compute_session_list"]["items"]
    return found[0]["status"], found[0]["status_info"]


@pytest.fixture
def ending(client):
    """Return a function that ends the sessions of a user when the test is over."""
    users = []
    yield users.append
    for user in users:
        query = "{ compute_session_list(limit: 50, offset: 0) { items { name status } } }"
        for one in user.gql(query)["data"]["compute_session_list"]["items"]:
            if one["status"] not in {"TERMINATED", "CANCELLED"}:
                user.ask("DELETE", f"/session/{one['name']}", params={"forced": "true"})


@pytest.mark.parametrize(
    ("limits", "body", "said"),
    [
        (
            {"total_resource_slots": slots(cpu=2)},
            {"config": {"resources": {"cpu": 3}}},
            "allows cpu 2; 3 requested",
        ),
        (
            {"total_resource_slots": slots(mem="512m")},
            {"config": {"resources": {"mem": "300m"}}, "clusterSize": 2},
            "allows mem 512 MiB; 600 MiB requested",
        ),
        (
            {"default_for_unspecified": '"LIMITED"', "total_resource_slots": slots(mem="9g")},
            {"config": {"resources": {"cpu": 1}}},
            "allows cpu 0; 1 requested",
        ),
        ({"max_containers_per_session": "2"}, {"clusterSize": 3}, "allows 2 containers"),
        ({"max_concurrent_sessions": "0"}, {}, "allows 0 sessions at a time"),
        ({"max_pending_session_count": "0"}, {}, "allows 0 pending sessions"),
        (
            {"max_pending_session_resource_slots": slots(cpu=1)},
            {"config": {"resources": {"cpu": 2}}},
            "allows cpu 1; 2 requested",
        ),
    ],
)
def test_sessions_beyond_the_policy_are_refused(make_user, make_policy, limits, body, said):
    policy = make_policy(**limits)
    message = refused(make_user(policy), **body)
    assert f"keypair resource policy '{policy}'" in message
    assert said in message


def test_sessions_that_wait_for_their_limits_delay_no_others(make_user, make_policy, ending):
    user, other = make_user(make_policy(total_resource_slots=slots(cpu=1))), make_user()
    ending(user), ending(other)
    first = f"limit-{uuid4().hex[:8]}"
    user.create(first, config={"resources": {"cpu": 1}})
    second = wish(user)
    other.create(f"limit-{uuid4().hex[:8]}")  # It runs although it came later.
    status, info = told(user, second)
    assert status == "PENDING"
    assert "allows cpu 1, of which 1 in use; 1 requested" in info
    assert starts(user, second, lambda: user.ask("DELETE", f"/session/{first}"))


@pytest.mark.parametrize("kind", ["group", "domain"])
def test_groups_and_domains_have_limits_too(client, make_user, mutate, kind):
    name, limit = f"{kind}-{uuid4().hex[:6]}", slots(cpu=1)
    if kind == "domain":
        domain = name
        assert mutate(client, f'create_domain(name: "{name}", props: {{}})')["ok"]
        open_ = f'associate_scaling_group_with_domain(scaling_group: "default", domain: "{name}")'
        assert mutate(client, open_)["ok"]
    else:
        domain = "default"
    made = f'create_group(name: "{name}", props: {{domain_name: "{domain}"}})'
    gid = mutate(client, made, "ok group { id }")["group"]["id"]
    change = {
        "group": f'modify_group(gid: "{gid}", props: {{total_resource_slots: {limit}}})',
        "domain": f'modify_domain(name: "{name}", props: {{total_resource_slots: {limit}}})',
    }
    user = make_user(group=name, domain_name=domain)
    assert mutate(client, change[kind])["ok"]
    wanted = {"group": name, "domain": domain, "config": {"resources": {"cpu": 2}}}
    assert refused(user, **wanted) == f"{kind} '{name}' allows cpu 1; 2 requested"


def test_remaining_resources_are_returned(make_user, make_policy):
    user = make_user(make_policy(total_resource_slots=slots(cpu=1, mem="2g")))
    left = user.ask("POST", "/resource/check-presets", json={"group": "default"}).json()
    assert left["keypair_limits"]["cpu"] == "1"
    assert left["keypair_remaining"]["cpu"] == "1"
    assert left["group_limits"]["cpu"] == "Infinity"
    fits = {one["name"]: one["allocatable"] for one in left["presets"]}
    assert fits == {"small": True, "medium": False}


def test_scaling_groups_can_be_used_only_by_associated_owners(client, make_user, mutate):
    name = f"sg-{uuid4().hex[:6]}"
    made = f'create_scaling_group(name: "{name}", props: {{driver: "static", scheduler: "fifo"}})'
    assert mutate(client, made)["ok"]
    user, wanted = make_user(), {"config": {"scaling_group": name}}
    answer = user.ask("POST", "/session", json={"name": "nowhere", "image": "python", **wanted})
    assert answer.status_code == 404
    assert f"scaling group '{name}' is not available" in answer.json()["msg"]
    assert "there are default" in answer.json()["msg"]
    grant = f'scaling_group: "{name}", access_key: "{user.access_key}"'
    assert mutate(client, f"associate_scaling_group_with_keypair({grant})")["ok"]
    found = user.ask("GET", "/scaling-groups", params={"group": "default"}).json()
    assert {one["name"] for one in found["scaling_groups"]} == {"default", name}
    assert told(user, wish(user, scaling_group=name))[0] == "PENDING"  # It has no agent.


def test_sessions_wait_for_an_agent_that_accepts_sessions(client, make_user, ending):
    user = make_user()
    ending(user)

    def operate(operation):
        body = {"op": operation, "args": ["i-local"]}
        return client.ask("POST", "/manager/scheduler/operation", json=body)

    assert operate("exclude-agents").status_code == 204
    name = wish(user)
    agent = client.gql('{ agent(agent_id: "i-local") { schedulable } }')["data"]["agent"]
    assert agent == {"schedulable": False}
    assert told(user, name)[0] == "PENDING"
    assert starts(user, name, lambda: operate("include-agents"))


def test_idle_sessions_end_after_the_idle_timeout_of_the_policy(make_user, make_policy):
    user = make_user(make_policy(idle_timeout="1"))
    name = f"limit-{uuid4().hex[:8]}"
    with user.events(f"?name={name}") as events:
        user.create(name)
        ended = next(one for one in events if one.name == "session_terminated")
    assert ended.data["reason"] == "idle-timeout"


def test_keypairs_have_a_rate_limit(client, make_user, mutate):
    user = make_user()
    limit = f'modify_keypair(access_key: "{user.access_key}", props: {{rate_limit: 2}})'
    assert mutate(client, limit)["ok"]
    answers = [user.ask("GET", "/auth") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-limit"] == "2"
    assert answers[-1].json()["type"].endswith("/rate-limit-exceeded")


def test_the_number_of_folders_is_limited(make_user, make_policy):
    policy = make_policy(max_vfolder_count="1")
    user = make_user(policy)
    assert user.ask("POST", "/folders", json={"name": "first"}).status_code == 201
    answer = user.ask("POST", "/folders", json={"name": "second"})
    assert answer.status_code in {400, 412}
    assert f"keypair policy '{policy}'" in answer.json()["msg"]
    assert [one["name"] for one in user.ask("GET", "/folders").json()] == ["first"]


def test_folder_hosts_can_be_used_only_if_allowed(client, make_user, make_policy, mutate):
    domain = f"domain-{uuid4().hex[:6]}"
    assert mutate(client, f'create_domain(name: "{domain}", props: {{}})')["ok"]
    made = f'create_group(name: "{domain}", props: {{domain_name: "{domain}"}})'
    assert mutate(client, made)["ok"]
    outside = make_user(group=domain, domain_name=domain)
    answer = outside.ask("POST", "/folders", json={"name": "folder"})
    assert answer.status_code in {400, 403}
    assert "local:volume1" in answer.json()["msg"]
    hosts = json.dumps(json.dumps({"local:volume1": ["create-vfolder"]}))
    policy = make_policy(allowed_vfolder_hosts=hosts)
    allowed = make_user(policy, group=domain, domain_name=domain)
    assert allowed.ask("POST", "/folders", json={"name": "folder"}).status_code == 201
