"""Accounts: what is set counts at once, what makes no sense is refused, nobody is locked out."""

from uuid import uuid4

import pytest


def code(client):
    """Return the status of a request that everybody may make."""
    return client.ask("GET", "/auth").status_code


def email_of(client):
    """Return the mail address of a client's user."""
    return client.gql("{ user { email } }")["data"]["user"]["email"]


def test_a_keypair_works_while_it_is_active(client, make_user, mutate):
    user = make_user()
    assert code(user) == 200
    for is_active, expected in (("false", 401), ("true", 200)):
        props = f"{{is_active: {is_active}}}"
        assert mutate(client, f'modify_keypair(access_key: "{user.access_key}", props: {props})')[
            "ok"
        ]
        assert code(user) == expected


def test_deleted_users_are_kept_until_they_are_purged(client, make_user, mutate):
    user = make_user()
    email = email_of(user)
    assert mutate(client, f'delete_user(email: "{email}")')["ok"]
    assert code(user) == 401
    query = f'{{ user(email: "{email}") {{ status is_active }} }}'
    assert client.gql(query)["data"]["user"] == {"status": "deleted", "is_active": False}
    assert mutate(client, f'purge_user(email: "{email}", props: {{}})')["ok"]
    assert client.gql(query)["data"]["user"] is None
    again = mutate(client, f'purge_user(email: "{email}", props: {{}})')
    assert again == {"ok": False, "msg": f"no matching user: {email}"}


def test_a_purge_deletes_ended_sessions_and_is_refused_with_running_ones(client, make_user, mutate):
    user = make_user()
    email, name = email_of(user), f"acct-{uuid4().hex[:8]}"
    user.create(name)
    living = mutate(client, f'purge_user(email: "{email}", props: {{}})')
    assert not living["ok"]
    assert name in living["msg"]
    with user.events(f"?name={name}") as events:
        user.ask("DELETE", f"/session/{name}")
        assert any(one.name == "session_terminated" for one in events)
    kept = mutate(client, f'delete_keypair(access_key: "{user.access_key}")')
    assert not kept["ok"]
    assert mutate(client, f'purge_user(email: "{email}", props: {{}})')["ok"]
    query = f'{{ compute_session_list(limit: 9, offset: 0, filter: "name == \\"{name}\\"") '
    assert (
        client.gql(query + "{ total_count } }")["data"]["compute_session_list"]["total_count"] == 0
    )


@pytest.mark.parametrize(
    "call",
    [
        'delete_user(email: "admin@atoll.local")',
        'purge_user(email: "admin@atoll.local", props: {{}})',
        'modify_user(email: "admin@atoll.local", props: {{role: "user"}})',
        'modify_user(email: "admin@atoll.local", props: {{is_active: false}})',
        'modify_keypair(access_key: "{key}", props: {{is_active: false}})',
        'delete_keypair(access_key: "{key}")',
    ],
)
def test_the_last_superadmin_cannot_be_removed(client, mutate, unchanged, call):
    with unchanged():
        answer = mutate(client, call.format(key=client.access_key))
    assert not answer["ok"]
    assert "superadmin" in answer["msg"] or "main access key" in answer["msg"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('create_user(email: "nobody", props: {USER})', "'nobody' is not a mail address"),
        ('create_user(email: "user@atoll.local", props: {USER})', "exists already"),
        ('create_user(email: "a@b.cd", props: {USER, domain_name: "nope"})', "no domain 'nope'"),
        ('create_user(email: "a@b.cd", props: {USER, role: "king"})', "'king' is not one of"),
        ('create_user(email: "a@b.cd", props: {USER, status: "odd"})', "'odd' is not one of"),
        ('create_user(email: "a@b.cd", props: {USER, group_ids: ["x"]})', "no group x"),
        ('create_user(email: "a@b.cd", props: {USER, allowed_client_ip: ["x"]})', "'x' is neither"),
        ('create_user(email: "a@b.cd", props: {USER, resource_policy: "x"})', "policy 'x'"),
        ('modify_user(email: "user@atoll.local", props: {username: "admin"})', "exists already"),
        ('modify_user(email: "user@atoll.local", props: {main_access_key: "x"})', "not a keypair"),
        ('modify_user(email: "no@where", props: {})', "no matching user: no@where"),
        (
            'create_keypair(user_id: "user@atoll.local", props: {POLICY: "x", rate_limit: 1})',
            "no keypair resource policy 'x'",
        ),
        ('modify_keypair(access_key: "{key}", props: {rate_limit: -1})', "must be 0"),
        (
            'modify_keypair_resource_policy(name: "default", props: {idle_timeout: -1})',
            "idle_timeout: must be 0",
        ),
        ('delete_keypair(access_key: "AKIANOBODY")', "no matching keypair: AKIANOBODY"),
        ('create_domain(name: "default", props: {})', "exists already"),
        ('create_domain(name: "a/b", props: {})', "is not a valid name"),
        ('create_domain(name: "d", props: {total_resource_slots: "{"})', "is not JSON"),
        ('create_domain(name: "d", props: {total_resource_slots: "[1]"})', "must be a map"),
        (
            'create_domain(name: "d", props: {total_resource_slots: "{\\"cpu\\": \\"x\\"}"})',
            "not a number",
        ),
        (
            'create_domain(name: "d", props: {total_resource_slots: "{\\"cpu\\": [1]}"})',
            "not a number",
        ),
        (
            'create_domain(name: "d", props: {total_resource_slots: "{\\"gpu\\": 1}"})',
            "'gpu' is not a slot",
        ),
        (
            'create_domain(name: "d", props: {allowed_vfolder_hosts: "{\\"h\\": [\\"fly\\"]}"})',
            "'fly' is not one of",
        ),
        ('purge_domain(name: "default")', "has"),
        ('create_group(name: "default", props: {domain_name: "default"})', "exists already"),
        ('create_group(name: "g", props: {domain_name: "nope"})', "no domain 'nope'"),
        ('delete_keypair_resource_policy(name: "default")', "is in use (keypairs: "),
        ('delete_scaling_group(name: "default")', "has agents"),
        ('alias_image(alias: "python", target: "bash")', "exists already"),
        ('alias_image(alias: "x", target: "pyhton")', "no matching image: pyhton"),
        ('dealias_image(alias: "x")', "no matching image alias: x"),
        ('modify_agent(id: "other", props: {})', "no matching agent: other"),
    ],
)
def test_what_makes_no_sense_is_refused(client, mutate, unchanged, call, said):
    user = 'username: "x", password: "x", need_password_change: false'
    with unchanged():
        call = call.replace("{key}", client.access_key).replace("USER", user)
        answer = mutate(client, call.replace("POLICY", "resource_policy"))
    assert not answer["ok"]
    assert said in answer["msg"]


def test_members_of_groups(client, make_user, mutate):
    user, name = make_user(), f"group-{uuid4().hex[:6]}"
    uuid = user.gql("{ user { uuid } }")["data"]["user"]["uuid"]
    made = f'create_group(name: "{name}", props: {{domain_name: "default"}})'
    gid = mutate(client, made, "ok group { id }")["group"]["id"]
    query = "query($name: String!) { groups_by_name(name: $name) { id } }"
    for mode, expected in (("add", [{"id": gid}]), ("remove", [])):
        props = f'{{user_update_mode: "{mode}", user_uuids: ["{uuid}"]}}'
        assert mutate(client, f'modify_group(gid: "{gid}", props: {props})')["ok"]
        assert user.gql(query, name=name)["data"]["groups_by_name"] == expected


def test_a_renamed_domain_keeps_its_users_and_groups(client, make_user, mutate):
    old, new = f"domain-{uuid4().hex[:6]}", f"domain-{uuid4().hex[:6]}"
    for call in (
        f'create_domain(name: "{old}", props: {{}})',
        f'create_group(name: "{old}", props: {{domain_name: "{old}"}})',
        f'associate_scaling_group_with_domain(scaling_group: "default", domain: "{old}")',
    ):
        assert mutate(client, call)["ok"]
    user = make_user(group=old, domain_name=old)
    change = f'modify_domain(name: "{old}", props: {{name: "{new}"}})'
    told = mutate(client, change, "ok domain { name scaling_groups }")
    assert told == {"ok": True, "domain": {"name": new, "scaling_groups": ["default"]}}
    query = "{ user { domain_name } groups { domain_name } }"
    assert user.gql(query)["data"] == {
        "user": {"domain_name": new},
        "groups": [{"domain_name": new}],
    }


def test_inactive_domains_start_no_sessions(client, make_user, mutate):
    name = f"domain-{uuid4().hex[:6]}"
    assert mutate(client, f'create_domain(name: "{name}", props: {{}})')["ok"]
    assert mutate(client, f'create_group(name: "{name}", props: {{domain_name: "{name}"}})')["ok"]
    user = make_user(group=name, domain_name=name)
    assert mutate(client, f'delete_domain(name: "{name}")')["ok"]
    wanted = {"name": "nowhere", "image": "python", "domain": name, "group": name}
    answer = user.ask("POST", "/session", json=wanted)
    assert answer.status_code == 404
    assert "not active" in answer.json()["msg"]


def test_users_are_refused_from_other_addresses(client, make_user, mutate):
    user = make_user()
    for networks, expected in (('["10.0.0.0/8"]', 401), ('["10.0.0.0/8", "127.0.0.1"]', 200)):
        props = f"{{allowed_client_ip: {networks}}}"
        email = client.gql(
            "query($key: String) { keypair(access_key: $key) { user_id } }", key=user.access_key
        )["data"]["keypair"]["user_id"]
        assert mutate(client, f'modify_user(email: "{email}", props: {props})')["ok"]
        assert code(user) == expected


def test_pages_are_filtered_and_ordered(client, make_user):
    marks = sorted(email_of(make_user(full_name="Paged")) for _ in range(3))
    query = """query($order: String, $limit: Int!, $offset: Int!) {
        user_list(limit: $limit, offset: $offset, order: $order,
                  filter: "full_name == \\"Paged\\" & is_active == true")
        { items { email groups { name } } total_count } }"""

    def page(**variables):
        return client.gql(query, **variables)["data"]["user_list"]

    found = page(order="-email", limit=2, offset=1)
    assert [one["email"] for one in found["items"]] == marks[1::-1]
    assert found["total_count"] == 3
    assert found["items"][0]["groups"] == [{"name": "default"}]
