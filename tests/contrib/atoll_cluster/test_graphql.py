"""GraphQL: every field can be asked for, everybody sees what is theirs."""

import base64

import pytest
from graphql import get_named_type, is_object_type

from atoll_cluster.api.gql.schema import schema


@pytest.fixture(scope="module", autouse=True)
def sessions(shared, http):
    admin, user = shared.client(http), shared.client(http, "user")
    created = {"gql1": admin.create("gql1"), "gql2": admin.create("gql2", image="bash")}
    created["theirs"] = user.create("theirs")
    yield created
    for name in ("gql1", "gql2"):
        admin.ask("DELETE", f"/session/{name}")
    user.ask("DELETE", "/session/theirs")


def names(client, **variables):
    query = """query($filter: String, $order: String, $status: String, $key: String) {
        compute_session_list(limit: 10, offset: 0, filter: $filter, order: $order,
                             status: $status, access_key: $key) { items { name } total_count } }"""
    found = client.gql(query, **variables)
    assert "errors" not in found, found
    return [item["name"] for item in found["data"]["compute_session_list"]["items"]]


def selection(kind, depth=2):
    """Write out all fields of a type, and those of what it holds."""
    written = []
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if not is_object_type(inner):
            written.append(name)
        elif depth:
            written.append(f"{name} {selection(inner, depth - 1)}")
    return "{ " + " ".join(written) + " }"


def roots():
    """Yield every root of which something is there, with arguments that it needs."""
    needed = {
        "limit": "10",
        "offset": "0",
        "id": '"00000000-0000-0000-0000-000000000000"',
        "session_id": '"00000000-0000-0000-0000-000000000000"',
        "agent_id": '"i-local"',
        "project_id": '"00000000-0000-0000-0000-000000000000"',
        "name": '"default"',
        "domain": '"default"',
        "user_group": '"default"',
        "access_key": '"unused"',
        "sess_id": '"gql1"',
        "storage_host_name": '"local:volume1"',
        "quota_scope_id": '"user:OWN"',
    }
    nothing = {"endpoint", "endpoint_token", "routing"}
    for name, root in schema().query_type.fields.items():
        if name in nothing:
            continue
        required = [arg for arg, kind in root.args.items() if str(kind.type).endswith("!")]
        text = ", ".join(f"{arg}: {needed[arg]}" for arg in required)
        if name == "image":
            text = 'reference: "python"'
        yield name, f"{name}({text})" if text else name, get_named_type(root.type)


@pytest.mark.parametrize(("name", "call", "kind"), list(roots()), ids=lambda value: str(value)[:30])
def test_every_field_of_every_root(client, name, call, kind):
    own = client.gql("{ user { uuid } }")["data"]["user"]["uuid"]
    answer = client.gql(f"query {{ {call.replace('OWN', own)} {selection(kind)} }}")
    assert "errors" not in answer, answer["errors"]
    assert name in answer["data"]


def test_every_field_of_a_running_session(client, sessions):
    kinds = schema().type_map
    found = client.gql(
        f"""query($id: UUID!, $node: GlobalIDField!) {{
            compute_session(id: $id) {selection(kinds["ComputeSession"])}
            compute_session_node(id: $node) {selection(kinds["ComputeSessionNode"])} }}""",
        id=sessions["gql1"]["sessionId"],
        node=base64.b64encode(
            f"compute_session_node:{sessions['gql1']['sessionId']}".encode()
        ).decode(),
    )
    assert "errors" not in found, found
    session = found["data"]["compute_session"]
    assert session["name"] == "gql1"
    assert session["status"] == "RUNNING"
    assert session["group_name"] == "default"
    assert session["containers"][0]["status"] == "RUNNING"
    assert found["data"]["compute_session_node"]["row_id"] == session["id"]


def test_superadmins_see_all_and_users_their_own(client, user, sessions):
    assert set(names(client)) >= {"gql1", "gql2", "theirs"}
    assert set(names(user)) == {"theirs"}
    query = "query($id: UUID!) { compute_session(id: $id) { name } }"
    other = user.gql(query, id=sessions["gql1"]["sessionId"])
    assert other["data"] == {"compute_session": None}


@pytest.mark.parametrize(
    "query",
    [
        "{ agents { id } }",
        "{ users { email } }",
        "{ domains { name } }",
        "{ scaling_groups { name } }",
        '{ keypairs(email: "admin@atoll.local") { access_key } }',
        '{ user(email: "admin@atoll.local") { email } }',
    ],
)
def test_users_may_not_ask_everything(user, query):
    assert user.gql(query)["errors"][0]["message"]


def test_keys_of_others(client, user):
    query = "query($key: String) { keypair(access_key: $key) { access_key secret_key } }"
    assert user.gql(query, key=client.access_key)["data"] == {"keypair": None}
    assert user.gql(query)["data"]["keypair"]["access_key"] == user.access_key
    assert (
        client.gql(query, key=user.access_key)["data"]["keypair"]["access_key"] == user.access_key
    )


def test_filters_orders_and_pages(client):
    assert names(client, filter='name like "gql%"', order="-name") == ["gql2", "gql1"]
    assert names(client, filter='name like "gql%"') == ["gql2", "gql1"]
    assert names(client, filter='image like "bash%" & status == "running"') == ["gql2"]
    assert names(client, filter='user_email contains "user@"') == ["theirs"]
    assert names(client, filter='agents == "i-local" & name == "gql1"') == ["gql1"]
    assert names(client, status="PENDING,CANCELLED") == []
    query = """{ compute_session_list(limit: 1, offset: 1, order: "name") {
        items { name } total_count } }"""
    page = client.gql(query)["data"]["compute_session_list"]
    assert page == {"items": [{"name": "gql2"}], "total_count": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('filter: "nope == 1"', "Unknown/unsupported field name: nope"),
        ('order: "nope"', "Unknown/unsupported field name: nope"),
        ('status: "NOPE"', "unknown name"),
        ('access_key: "AKIANOBODY"', "Unknown owner"),
    ],
)
def test_mistakes_are_errors_beside_the_data(client, arguments, message):
    query = f"{{ compute_session_list(limit: 1, offset: 0, {arguments}) {{ total_count }} }}"
    found = client.gql(query)
    assert found["data"] == {"compute_session_list": None}
    assert message in found["errors"][0]["message"]


@pytest.mark.parametrize("query", ["{", "{ nope }", "{ keypair }", "subscription { x }"])
def test_invalid_queries_are_refused(client, query):
    assert client.gql(query)["errors"][0]["message"]


def test_legacy_route(client):
    body = {"query": "{ keypair { access_key } }", "variables": {}}
    found = client.ask("POST", "/admin/graphql", json=body)
    assert found.json() == {"keypair": {"access_key": client.access_key}}
    failed = client.ask("POST", "/admin/graphql", json={"query": "{ nope }"})
    assert failed.status_code == 400
    assert failed.json()["type"].endswith("/graphql-error")
    assert failed.json()["data"][0]["message"]


def test_images(client):
    found = client.gql("{ images { name tag aliases resource_limits { key min } } }")["data"]
    assert any("python" in image["aliases"] for image in found["images"])
    missing = client.gql('{ image(reference: "tensorflow") { name } }')
    assert "unknown image" in missing["errors"][0]["message"]


def test_agents_can_be_filtered(client):
    query = "query($f: String) { agent_list(limit: 5, offset: 0, filter: $f) { total_count } }"
    assert client.gql(query, f='status == "ALIVE"')["data"]["agent_list"]["total_count"] == 1
    assert client.gql(query, f='id == "other"')["data"]["agent_list"]["total_count"] == 0
