"""Administration of clusters not written here: each one named by BACKEND_ENDPOINT and its keys, and
the embedded one, line for line.

What is made goes by names of its own and is deleted again.
"""

import json

import pytest

pytestmark = pytest.mark.interop


@pytest.fixture
def run(atoll):
    """Run a command, which must succeed; returns the records that it told."""

    def run(*arguments):
        done = atoll(*arguments, "--output", "json")
        assert done.code == 0, done
        return json.loads(done.out) if done.out else None

    return run


@pytest.fixture
def domain(atoll, run, name):
    """A domain with limits, deleted in the end with all that the cluster put into it."""
    limits = ("--total-resource-slots", "cpu=4,mem=8g", "--allowed-vfolder-hosts", "local:volume1")
    run("admin", "domains", "add", name, "-d", "made by a test", *limits)
    yield name
    # 26.x gives each domain a project for models.
    atoll("admin", "groups", "purge", "model-store", "--yes")
    run("admin", "domains", "delete", name, "--yes")
    run("admin", "domains", "purge", name, "--yes")


@pytest.fixture
def group(atoll, run, domain):
    """A group of the domain; returns its id."""
    made = run("admin", "groups", "add", domain, f"{domain}-g")
    yield made["id"]
    run("admin", "groups", "purge", made["id"], "--yes")


@pytest.fixture
def user(atoll, run, domain, group):
    """A user in the group."""
    email = f"{domain}@example.org"
    run("admin", "users", "add", domain, email, "s3cret-Pass1", "-n", "A Test")
    run("admin", "groups", "add-users", group, email)
    yield email
    run("admin", "users", "purge", email, "--yes")


@pytest.mark.parametrize(
    "words",
    [
        "admin agents", "admin domains", "admin groups", "admin images", "admin keypairs",
        "admin keypair-resource-policies", "admin scaling-groups", "admin storage-list",
        "admin users", "admin vfolders", "admin resources docker-registries",
        "admin resources resource-slots", "admin resources vfolder-types",
        "admin vfolders list-hosts", "admin vfolders list-mounts", "server-logs list",
        "admin list-scaling-groups default", "admin groups-by-name default",
        "admin permission list",
    ],
)  # fmt: skip
def test_lists(run, words):
    assert isinstance(run(*words.split()), list)


@pytest.mark.parametrize(
    "words",
    ["admin user", "admin keypair", "admin domain", "admin keypair-resource-policy",
     "admin group default", "admin scaling-group default", "admin storage local:volume1",
     "manager status", "announcement get"],
)  # fmt: skip
def test_one_of_each(run, words):
    assert run(*words.split())


def test_an_agent(run):
    [agent, *_] = run("admin", "agents")
    assert run("admin", "agent", agent["id"])["available_slots"]["cpu"]


def test_a_domain(run, domain):
    shown = run("admin", "domain", domain)
    assert shown["total_resource_slots"]["cpu"] == "4"
    assert "create-vfolder" in shown["allowed_vfolder_hosts"]["local:volume1"]
    run("admin", "domains", "update", domain, "--description", "another")
    assert run("admin", "domain", "-n", domain)["description"] == "another"


def test_a_user_in_a_group(run, user, group):
    run("admin", "users", "update", user, "-n", "Another Name")
    shown = run("admin", "user", "-e", user)
    assert shown["full_name"] == "Another Name"
    assert shown["status"] == "active"
    assert group in [one["id"] for one in shown["groups"]]
    found = run("admin", "users", "--filter", f'email == "{user}"', "--order", "-created_at")
    assert [one["email"] for one in found] == [user]
    run("admin", "groups", "remove-users", group, user)
    assert group not in [one["id"] for one in run("admin", "user", user)["groups"]]


def test_a_closed_account(run, user):
    run("admin", "users", "delete", user, "--yes")
    assert run("admin", "user", user)["status"] == "deleted"


def test_a_keypair_under_a_policy(atoll, run, user, name):
    run("admin", "keypair-resource-policies", "add", name, "--max-concurrent-sessions", "2")
    run("admin", "keypair-resource-policies", "update", name, "--idle-timeout", "60")
    policy = run("admin", "keypair-resource-policy", "-n", name)
    assert (policy["max_concurrent_sessions"], policy["idle_timeout"]) == (2, 60)

    pair = run("admin", "keypairs", "add", user, name, "-r", "100")
    key = pair["access_key"]
    assert pair["secret_key"]
    assert key in [one["access_key"] for one in run("admin", "keypairs", "-u", user)]
    run("admin", "keypairs", "deactivate", key)
    assert run("admin", "keypair", key)["is_active"] is False
    refused = atoll("admin", "keypair-resource-policies", "delete", name, "--yes")
    assert refused.code == 1
    run("admin", "keypairs", "update", key, "--resource-policy", "default")
    run("admin", "keypairs", "delete", key, "--yes")
    run("admin", "keypair-resource-policies", "delete", name, "--yes")
    assert atoll("admin", "keypair-resource-policy", name).code == 5


def test_a_scaling_group(run, domain, name):
    run("admin", "scaling-groups", "add", name, "-d", "made by a test")
    try:
        run("admin", "scaling-groups", "update", name, "-d", "another", "-i")
        assert run("admin", "scaling-group", "-n", name)["is_active"] is False
        run("admin", "scaling-groups", "associate-scaling-group", name, domain)
        assert name in run("admin", "domain", domain)["scaling_groups"]
        run("admin", "scaling-groups", "dissociate-scaling-group", name, domain)
    finally:
        run("admin", "scaling-groups", "delete", name, "--yes")


def test_an_alias(atoll, run, name):
    [image, *_] = run("admin", "images")
    reference = f"{image['registry']}/{image['name']}:{image['tag']}"
    run("admin", "alias-image", name, reference)
    try:
        assert any(name in one["aliases"] for one in run("admin", "images"))
    finally:
        run("admin", "dealias-image", name)
    assert atoll("admin", "dealias-image", name).code == 5
    assert atoll("admin", "alias-image", name, "nowhere:1").code == 5


def test_configuration(atoll, run, name):
    run("admin", "etcd", "set", f"{name}/colour", "blue", "--yes")
    assert atoll("admin", "etcd", "get", f"{name}/colour").out == "blue\n"
    assert run("admin", "etcd", "get", "-p", name) == [{"key": f"{name}/colour", "value": "blue"}]
    run("admin", "etcd", "delete", "-p", name, "--yes")
    assert atoll("admin", "etcd", "get", f"{name}/colour").code == 5


def test_usage(run):
    assert isinstance(run("admin", "resources", "usage-per-month", "202611"), list)
    period = run("admin", "resources", "usage-per-period", "default", "20261120", "20261123")
    assert all("g_cpu_allocated" in one for one in period)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("admin user nobody@example.org", 5),
        ("admin agent nowhere", 5),
        ("admin group nowhere", 5),
        ("admin scaling-group nowhere", 5),
        ("admin users delete nobody@example.org --yes", 5),
        ("admin keypairs update AKIANOWHERE --rate-limit 1", 5),
        ("admin domains update nowhere --description x", 5),
        ("manager scheduler exclude-agents nowhere", 5),
        ("update-password wrong other-S3cret other-S3cret", 4),
    ],
)
def test_what_is_not_there(atoll, words, code):
    done = atoll(*words.split())
    assert done.code == code, done
    assert done.err.count("\n") == 1


def test_a_plain_user_is_refused(cluster, atoll, run, user, make_cluster, make_program):
    """In one line, with the code that says so, whatever the release's own words."""
    pair = run("admin", "keypairs", "add", user, "default")
    run("admin", "users", "update", user, "--main-access-key", pair["access_key"])
    keys = pair["access_key"], pair["secret_key"]
    theirs = make_program("atoll", make_cluster(cluster.endpoint, *keys))
    # 23.09 lets anybody make a domain, so that is not among them.
    lines = (
        "admin users",
        "admin domains",
        "admin agents",
        "admin etcd get x",
        "manager freeze --yes",
        "admin resources docker-registries",
        "admin vfolders list-mounts",
    )
    for line in lines:
        done = theirs(*line.split())
        assert done.code == 4, (line, done)
        assert done.err.count("\n") == 1
