"""People of each role on a cluster that the tests of a module share, and what they try to do."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

import attrs
import pytest

Outcome = dict[str, Any]

_PATIENCE = 20.0
_KEYPAIRS = """
SELECT access_key, secret_key, user, is_active, is_admin, resource_policy, rate_limit FROM keypairs
"""


def mutate(client, call: str, selection: str = "ok msg") -> Outcome:
    """Run one mutation; returns its answer."""
    answer = client.gql(f"mutation {{ it: {call} {{ {selection} }} }}")
    assert "errors" not in answer, answer
    return answer["data"]["it"]


@pytest.fixture(scope="session", name="mutate")
def mutate_fixture() -> Callable[..., Outcome]:
    return mutate


@pytest.fixture(scope="module")
def people(shared, http) -> dict[str, Any]:
    """A superadmin, an admin of the domain and a user of it; each asks with the own keypair."""
    admin = shared.client(http)
    chief = new_user(admin, shared, role="admin")
    return {"superadmin": admin, "domain admin": chief, "user": shared.client(http, "user")}


def new_user(admin, shared, policy: str = "default", group: str = "default", **props: Any) -> Any:
    """Make a user, a member of a group, with a keypair under a policy; returns a client for him."""
    email = f"{uuid4().hex[:8]}@example.com"
    given = {"password": "secret", "username": email, "need_password_change": False, **props}
    (gid,) = [one["id"] for one in groups(admin) if one["name"] == group]
    made = admin.gql(
        "mutation($email: String!, $props: UserInput!)"
        "{ create_user(email: $email, props: $props) { ok msg user { main_access_key } } }",
        email=email,
        props={"domain_name": "default", "group_ids": [gid], **given},
    )["data"]["create_user"]
    assert made["ok"], made
    key = made["user"]["main_access_key"]
    props = f'{{resource_policy: "{policy}", rate_limit: 30000}}'
    assert mutate(admin, f'modify_keypair(access_key: "{key}", props: {props})')["ok"]
    secret = admin.gql(f'{{ keypair(access_key: "{key}") {{ secret_key }} }}')["data"]["keypair"]
    return attrs.evolve(admin, access_key=key, secret_key=secret["secret_key"])


def groups(admin) -> list[dict[str, Any]]:
    """Return all groups."""
    found: list[dict[str, Any]] = admin.gql("{ groups { id name domain_name } }")["data"]["groups"]
    return found


@pytest.fixture
def make_user(shared, client) -> Callable[..., Any]:
    """Return the function that makes a user with a keypair under a policy."""
    return lambda policy="default", group="default", **props: new_user(
        client, shared, policy, group, **props
    )


@pytest.fixture
def make_policy(client) -> Callable[..., str]:
    """Return the function that makes a keypair resource policy; its arguments are GraphQL's."""

    def make(**limits: str) -> str:
        name = f"policy-{uuid4().hex[:6]}"
        given = {
            "default_for_unspecified": '"UNLIMITED"',
            "max_concurrent_sessions": "9",
            "max_containers_per_session": "4",
            "idle_timeout": "0",
            **limits,
        }
        props = ", ".join(f"{key}: {value}" for key, value in given.items())
        call = f'create_keypair_resource_policy(name: "{name}", props: {{{props}}})'
        assert mutate(client, call)["ok"]
        return name

    return make


@pytest.fixture
def unchanged(shared) -> Callable[[], Any]:
    """Return a context in which nothing that is kept may change."""

    @contextmanager
    def check() -> Iterator[None]:
        until_ended(shared)
        before = everything(shared)
        yield
        assert everything(shared) == before

    return check


def until_ended(program) -> None:
    """Wait for sessions that earlier tests have told to end."""
    path = program.data / "cluster.sqlite3"
    deadline = time.monotonic() + _PATIENCE
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        ending = "SELECT count(*) FROM sessions WHERE status = 'TERMINATING'"
        while db.execute(ending).fetchone()[0] and time.monotonic() < deadline:
            time.sleep(0.02)


def everything(program) -> dict[str, list[tuple[Any, ...]]]:
    """Read all tables, but for the traces that every request leaves on its keypair."""
    path = program.data / "cluster.sqlite3"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}  # noqa: S608 - the database's own names
        found["keypairs"] = db.execute(_KEYPAIRS).fetchall()
        return found
